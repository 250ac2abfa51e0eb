"""A dry run tells and leaves nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from multiprot.config import ResolvedConfig
from multiprot.training.config import PretrainConfig
from multiprot.training.parts import TrainingParts
from multiprot.training.rehearse import rehearse

Recipe = Callable[..., ResolvedConfig[PretrainConfig]]


def test_dry_run_counts_and_writes_nothing(
    recipe: Recipe, parts: TrainingParts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe("trainer.accumulate=2").value
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    rehearsal = rehearse(config)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    trainable = [*parts.model.parameters(), *parts.objectives.parameters()]
    assert sum(rehearsal.parameters.values()) == sum(p.numel() for p in trainable)
    assert all(count > 0 for count in rehearsal.parameters.values())
    assert rehearsal.proteins * rehearsal.residues <= config.batch.tokens_per_batch
    assert rehearsal.with_structure <= rehearsal.proteins
    assert rehearsal.steps == config.trainer.max_steps
    assert rehearsal.seconds > 0
    assert rehearsal.metrics["loss"] > 0


def test_dry_run_with_a_generated_corpus(recipe: Recipe) -> None:
    overrides = ("corpus.path=null", "corpus.synthetic.families=4", "model.structure=null")
    objectives = "objectives=[{name: masked-residue}]"
    rehearsal = rehearse(recipe(*overrides, objectives, "model.go=null").value)
    assert rehearsal.parameters["structure"] == rehearsal.parameters["go"] == 0
    assert rehearsal.with_structure == rehearsal.go_terms == 0
