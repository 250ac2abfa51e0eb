"""Every variant pretrained, as `multiprot pretrain` does it; what is finished is not done again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.pretraining_matrix.variants import Variant
from multiprot.bundle import save_bundle
from multiprot.cli.recipes import resolve_recipe
from multiprot.encoders.registry import Registry
from multiprot.training.config import PretrainConfig
from multiprot.training.corpus import open_corpus
from multiprot.training.parts import build_parts


@dataclass(frozen=True, slots=True)
class Job:
    """One model to be made.

    Attributes
    ----------
    name
        Of the model.
    variant
        What it is an example of.
    seed
        Of the recipe.
    folder
        Of the run.
    """

    name: str
    variant: Variant
    seed: int
    folder: Path

    @property
    def bundle(self) -> Path:
        """The model, once it is there."""
        return self.folder / "bundle" if self.variant.model is None else Path(self.variant.model)


def jobs(variants: Sequence[Variant], out: Path) -> list[Job]:
    """One for each variant and seed; every variant comes once before one is repeated."""
    most = max(variant.seeds for variant in variants)
    return [
        Job(name := f"{variant.name} {seed}", variant, seed, out / name.replace(" ", "-"))
        for seed in range(1, most + 1)
        for variant in variants
        if seed <= variant.seeds
    ]


def pretrain(job: Job, recipe: str, more: Sequence[str]) -> None:
    """Make a model, unless it is there; goes on where a run was stopped."""
    if job.variant.model is not None or job.bundle.is_dir():
        return
    overrides = [*more, f"seed={job.seed}", *(f"{k}={v}" for k, v in job.variant.overrides.items())]
    config = resolve_recipe([recipe, *overrides]).value
    if job.variant.objectives == ():
        _save_untrained(config, job)
        return
    verb = "distill" if config.teachers else "pretrain"
    command = [sys.executable, "-m", "multiprot.cli.main", verb, recipe, *overrides]
    command += [*_objectives(config, job.variant), "--out", str(job.folder)]
    if job.folder.is_dir():
        # A run that was stopped before its first checkpoint has nothing to go on from.
        begun = any((job.folder / "checkpoints").glob("*"))
        command.append("--resume" if begun else "--overwrite")
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{job.name}: {' '.join(command)}\n{done.stderr[-2000:]}")


def _objectives(config: PretrainConfig, variant: Variant) -> list[str]:
    """The override that leaves the recipe's own sections of the variant's objectives."""
    if variant.objectives is None:
        return []
    sections = [
        section.model_dump(mode="json")
        for section in config.objectives
        if section.name in variant.objectives
    ]
    return [f"objectives={json.dumps(sections)}"]


def _save_untrained(config: PretrainConfig, job: Job) -> None:
    """The model as the recipe's seed draws it: same backbone, nothing learnt."""
    corpus = open_corpus(config.corpus, job.folder / "corpus")
    parts = build_parts(config, corpus, Registry.discover())
    provenance: dict[str, Any] = {"name": job.name, "note": "weights as drawn, nothing learnt"}
    job.folder.mkdir(parents=True, exist_ok=True)
    save_bundle(
        job.bundle,
        model=parts.model.eval(),
        model_config=config.model,
        provenance=provenance,
        ontology=parts.context.ontology,
    )
