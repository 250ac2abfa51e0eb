"""From a user's words to a run: which engine computes, and what it needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from multiprot.embedding.engines.engine import Engine
from multiprot.embedding.engines.options import EngineOptions
from multiprot.embedding.engines.spec import EmbedderSpec
from multiprot.embedding.ledger.blueprint import Blueprint
from multiprot.embedding.progress import Progress
from multiprot.embedding.write import EmbedSummary, RunSettings, embed_to_store, run_engine


def embed_inputs(
    inputs: Sequence[str],
    spec: EmbedderSpec,
    out: Path,
    settings: RunSettings,
    engines: EngineOptions,
    progress: Progress | None = None,
) -> EmbedSummary:
    """As `embed_to_store`, with the engine that `engines` ask for."""
    if engines.engine == "local" and not engines.workers:
        return embed_to_store(inputs, spec.open(), out, settings, progress)
    engine = _engine(spec, settings, engines)
    # Plans are made here, by what the model says of itself; its weights are not kept.
    kind = spec.device.partition(":")[0]
    blueprint = Blueprint.of(spec.on("cpu").open(), residues=settings.residues, device=kind)
    return run_engine(inputs, blueprint, engine, out, settings, progress)


def _engine(spec: EmbedderSpec, settings: RunSettings, engines: EngineOptions) -> Engine:
    if engines.engine == "ray":
        from multiprot.embedding.engines.ray_data import RayData

        return RayData(
            spec,
            workers=engines.workers,
            residues=settings.residues,
            patience=engines.worker_timeout,
        )
    from multiprot.embedding.engines.workers import WorkerProcesses, worker_devices

    devices = worker_devices(spec.device, engines.workers)
    return WorkerProcesses(
        spec, devices, residues=settings.residues, patience=engines.worker_timeout
    )
