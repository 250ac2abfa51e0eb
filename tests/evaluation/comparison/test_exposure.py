"""What a model may have seen of a task is told wherever it is known."""

from __future__ import annotations

from pathlib import Path

from multiprot.evaluation.comparison import TrainingKnowledge, Verdict
from multiprot.evaluation.features import ModelReference, open_source
from multiprot.evaluation.tasks import Task, load_task
from tests.evaluation.tasks.folders import proteins, write_task
from tests.tiny_model import SEEN


def knowledge(model: str, cache: Path) -> TrainingKnowledge:
    source = open_source(ModelReference.parse(model), cache=cache)
    return TrainingKnowledge.of(source, ())


def task(folder: Path, *seen: str) -> Task:
    rows = proteins()
    for row, sequence in zip((r for r in rows if r["split"] == "test"), seen, strict=False):
        row["sequence"] = sequence
    return load_task(write_task(folder, rows))


def test_a_bundle_knows_what_it_learnt_from(tiny_bundle: Path, tmp_path: Path) -> None:
    known = knowledge(str(tiny_bundle), tmp_path)
    seen = known.exposure(task(tmp_path / "seen", SEEN))
    assert (seen.verdict, seen.identical, seen.proteins) == (Verdict.SEEN, 1, 10)
    clean = known.exposure(task(tmp_path / "clean"))
    assert (clean.verdict, clean.identical, clean.similar) == (Verdict.CLEAN, 0, None)


def test_nothing_is_known_of_an_encoder_and_a_baseline_learns_nothing(tmp_path: Path) -> None:
    asked = task(tmp_path / "t")
    assert knowledge("residue-transformer", tmp_path).exposure(asked).verdict is Verdict.UNKNOWN
    assert knowledge("baseline:kmer", tmp_path).exposure(asked).verdict is Verdict.UNTRAINED
