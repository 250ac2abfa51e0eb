"""A run without a trace: everything is built, two steps are taken, nothing is kept."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from multiprot.encoders.contract import ProteinBatch
from multiprot.encoders.registry import Registry
from multiprot.training.callbacks.timing import Stopwatch
from multiprot.training.config import PretrainConfig
from multiprot.training.corpus import open_corpus
from multiprot.training.datamodule import PretrainData
from multiprot.training.parts import TrainingParts, build_parts
from multiprot.training.session import build_module
from multiprot.training.token_cache import estimate_caches
from multiprot.training.trainer import build_trainer, keyboard_interrupts, quiet_lightning

STEPS = 2
"""Optimizer steps of a rehearsal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a run would be like.

    Attributes
    ----------
    parameters
        Trainable numbers by part of the model.
    proteins, residues
        Shape of the first batch, padding included.
    with_sequence, with_structure, go_terms
        How many of its proteins have a modality, and how many terms it contrasts.
    steps_taken, metrics
        How many steps were taken and what the last one measured, by "objective/metric".
    steps
        Optimizer steps of the whole run.
    seconds
        Estimate for all of them, without validation; frozen encoders run at each step.
    token_cache
        What filling the token cache would take, one line per encoder; empty where it is off.
    """

    parameters: Mapping[str, int]
    proteins: int
    residues: int
    with_sequence: int
    with_structure: int
    go_terms: int
    steps_taken: int
    metrics: Mapping[str, float]
    steps: int
    seconds: float
    token_cache: tuple[str, ...] = ()


def rehearse(config: PretrainConfig) -> Rehearsal:
    """Build all that `config` names and take two steps; the first warms up, the second is timed."""
    with (
        tempfile.TemporaryDirectory(prefix="multiprot-dry-run-") as scratch,
        quiet_lightning(),
        keyboard_interrupts(),
    ):
        corpus = open_corpus(config.corpus, Path(scratch) / "corpus")
        registry = Registry.discover()
        parts = build_parts(config, corpus, registry)
        caches = estimate_caches(config, parts, registry)
        data = PretrainData(parts, config.batch, seed=config.seed)
        first = data.train_batches()[0]
        module, stopwatch = build_module(config, parts), Stopwatch(config.trainer.accumulate)
        trainer = build_trainer(config.trainer, callbacks=[stopwatch], max_steps=STEPS)
        trainer.fit(module, datamodule=data)
    batches = config.trainer.max_steps * config.trainer.accumulate
    return Rehearsal(
        parameters=_parameters(parts),
        steps_taken=STEPS,
        metrics=module.take_step_metrics(),
        steps=config.trainer.max_steps,
        seconds=batches * stopwatch.report()["seconds_per_batch"],
        token_cache=tuple(map(str, caches)),
        **_shape(first),
    )


def _shape(batch: ProteinBatch) -> dict[str, int]:
    proteins, residues = batch.residues.shape
    return {
        "proteins": proteins,
        "residues": residues,
        "with_sequence": int(batch.has_sequence.sum()),
        "with_structure": int(batch.has_structure.sum()),
        "go_terms": 0 if batch.go is None else len(batch.go.terms),
    }


def _parameters(parts: TrainingParts) -> dict[str, int]:
    """Trainable numbers of each encoder, of what fuses them, and of the objectives' heads."""
    model = parts.model
    encoders = {
        name: 0 if encoder is None else count_parameters(encoder)
        for name, encoder in (
            ("sequence", model.sequence),
            ("structure", model.structure),
            ("go", model.go),
        )
    }
    fusion = count_parameters(model) - sum(encoders.values())
    return {**encoders, "fusion": fusion, "objectives": count_parameters(parts.objectives)}


def count_parameters(module: nn.Module) -> int:
    """Trainable numbers of a module."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
