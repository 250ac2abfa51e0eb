"""What a model may have seen of a task is told wherever it is known."""

from __future__ import annotations

from pathlib import Path

from multiprot.bundle import TrainingSequences
from multiprot.evaluation.comparison import TrainingKnowledge, Verdict
from multiprot.evaluation.features import ModelReference, open_source
from multiprot.evaluation.tasks import Task, load_task
from multiprot.finetuning.start import open_start
from multiprot.student.checkpoint import StudentSettings, save_student
from multiprot.student.config import StudentConfig
from multiprot.student.model import Student
from multiprot.training.finetune.options import FineTuneOptions
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


def test_a_student_knows_what_it_learnt_from(tmp_path: Path) -> None:
    config = StudentConfig(width=64, layers=1)
    digests = TrainingSequences.of([SEEN]).digests
    for name, known in (("told", digests), ("silent", None)):
        settings = StudentSettings(config, None, {})
        save_student(tmp_path / name, Student(config), settings, card="", digests=known)
    seen, clean = task(tmp_path / "seen", SEEN), task(tmp_path / "clean")
    told = knowledge(f"student:{tmp_path / 'told'}", tmp_path)
    assert told.exposure(seen).verdict is Verdict.SEEN
    assert told.exposure(clean).verdict is Verdict.CLEAN
    silent = knowledge(f"student:{tmp_path / 'silent'}", tmp_path)
    assert silent.exposure(seen).verdict is Verdict.UNKNOWN


def test_a_bundle_of_a_student_knows_it_too(tmp_path: Path) -> None:
    config = StudentConfig(width=64, layers=1)
    digests = TrainingSequences.of([SEEN]).digests
    settings = StudentSettings(config, None, {})
    save_student(tmp_path / "s", Student(config), settings, card="", digests=digests)
    start = open_start(f"student:{tmp_path / 's'}", FineTuneOptions(), tmp_path / "start")
    trained = start.bundle.trained_on()
    assert trained is not None
    assert trained.hold([SEEN, "MKT"]).tolist() == [True, False]
