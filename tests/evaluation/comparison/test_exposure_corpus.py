"""With the corpus of a bundle at hand, proteins like those of training are found as well."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from multiprot.bundle import TrainingSequences, save_bundle
from multiprot.cli.main import main
from multiprot.data import Corpus
from multiprot.data.corpus_writer import CorpusWriter
from multiprot.evaluation.comparison import TrainingKnowledge, Verdict
from multiprot.evaluation.features import ModelReference, open_source
from multiprot.evaluation.tasks import Task, load_task
from multiprot.files import atomic_folder
from multiprot.fusion import ModelConfig
from multiprot.proteins import ProteinRecord
from tests.evaluation.comparison.sources import random_sequences
from tests.evaluation.tasks.folders import proteins, write_task
from tests.evaluation.tasks.test_leakage import mutated
from tests.tiny_model import CONFIG, PROVENANCE, tiny_extras, tiny_model, tiny_ontology

needs_mmseqs = pytest.mark.skipif(shutil.which("mmseqs") is None, reason="mmseqs2 not installed")

LEARNT = random_sequences(30, length=90)
TESTED = random_sequences(8, length=90, seed=1)


def made_corpus(folder: Path, sequences: list[str], held: list[str]) -> Corpus:
    """`sequences` to learn from, `held` in the test split."""
    with atomic_folder(folder) as partial, CorpusWriter(partial) as writer:
        for number, sequence in enumerate([*sequences, *held]):
            split = "test" if number >= len(sequences) else ("train", "valid")[number % 2]
            writer.add(ProteinRecord(id=f"c{number}", sequence=sequence), split)
        writer.finish()
    return Corpus.open(folder)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return made_corpus(tmp_path_factory.mktemp("corpus") / "corpus", LEARNT, TESTED)


def made_bundle(folder: Path, knows: bool = True, **provenance: Any) -> Path:
    extras = tiny_extras()
    trained_on = TrainingSequences.of(LEARNT) if knows else None
    return save_bundle(
        folder,
        model=tiny_model(),
        model_config=ModelConfig.model_validate(CONFIG),
        ontology=tiny_ontology(),
        provenance=PROVENANCE | provenance,
        extras=replace(extras, trained_on=trained_on),
    )


@pytest.fixture(scope="module")
def bundle(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    told = {"content_hash": corpus.content_hash}
    return made_bundle(tmp_path_factory.mktemp("bundle") / "bundle", corpus=told)


def knowledge(bundle: Path, cache: Path, *corpora: Path) -> TrainingKnowledge:
    source = open_source(ModelReference.parse(str(bundle)), cache=cache)
    return TrainingKnowledge.of(source, corpora)


def task_of(folder: Path, *tested: str, name: str = "asked") -> Task:
    """Ten test proteins: these, and others that nobody has seen."""
    others = iter(random_sequences(60, length=90, seed=7))
    rows = [row | {"sequence": next(others)} for row in proteins()]
    for row, sequence in zip((r for r in rows if r["split"] == "test"), tested, strict=False):
        row["sequence"] = sequence
    return load_task(write_task(folder, rows, name=name))


@needs_mmseqs
def test_identical_and_similar_ones_are_counted_apart(
    corpus: Corpus, bundle: Path, tmp_path: Path
) -> None:
    known = knowledge(bundle, tmp_path, corpus.path)
    assert known.corpus == corpus.content_hash
    alike = [LEARNT[0], mutated(LEARNT[1], 0.1), mutated(LEARNT[2], 0.3)]
    seen = known.exposure(task_of(tmp_path / "seen", *alike))
    assert (seen.verdict, seen.identical, seen.similar) == (Verdict.SEEN, 1, 2)
    only_like = known.exposure(task_of(tmp_path / "like", alike[1]))
    assert (only_like.verdict, only_like.identical, only_like.similar) == (Verdict.SEEN, 0, 1)


@needs_mmseqs
def test_what_the_corpus_held_back_was_not_seen(
    corpus: Corpus, bundle: Path, tmp_path: Path
) -> None:
    known = knowledge(bundle, tmp_path, corpus.path)
    clean = known.exposure(task_of(tmp_path / "t", *TESTED))
    assert (clean.verdict, clean.identical, clean.similar) == (Verdict.CLEAN, 0, 0)


@pytest.mark.parametrize("given", [False, True])
def test_without_its_corpus_identical_ones_are_found(
    bundle: Path, tmp_path: Path, given: bool
) -> None:
    """Another corpus says nothing of this bundle."""
    other = made_corpus(tmp_path / "other", random_sequences(5, seed=3), []).path
    known = knowledge(bundle, tmp_path, *([other] if given else []))
    assert (known.corpus, known.sequences) == ("", ())
    alike = (LEARNT[0], mutated(LEARNT[1], 0.1))
    found = known.exposure(task_of(tmp_path / "t", *alike))
    assert (found.verdict, found.identical, found.similar) == (Verdict.SEEN, 1, None)


def test_without_mmseqs_similar_ones_are_not_looked_for(
    corpus: Corpus, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = knowledge(bundle, tmp_path, corpus.path)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = known.exposure(task_of(tmp_path / "t", LEARNT[0], mutated(LEARNT[1], 0.1)))
    assert (found.identical, found.similar) == (1, None)


def test_an_old_bundle_knows_by_its_corpus_alone(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = {"content_hash": corpus.content_hash}
    old = made_bundle(tmp_path / "old", knows=False, corpus=told)
    asked = task_of(tmp_path / "t", LEARNT[0])
    assert knowledge(old, tmp_path).exposure(asked).verdict is Verdict.UNKNOWN
    assert knowledge(old, tmp_path, corpus.path).exposure(asked).verdict is Verdict.SEEN


@pytest.mark.parametrize(
    ("exclusions", "excluded"),
    [
        ({"file": "screen.tsv", "tasks": ["asked", "other"]}, True),
        ({"file": "screen.tsv", "tasks": ["other"]}, False),
        ({"file": "screen.tsv"}, False),
        ([{"list": "screen.tsv"}], False),
        ("Nothing; no exclusion list was applied.", False),
    ],
)
def test_tasks_whose_like_were_left_out(tmp_path: Path, exclusions: object, excluded: bool) -> None:
    made = made_bundle(tmp_path / "bundle", exclusions=exclusions)
    found = knowledge(made, tmp_path).exposure(task_of(tmp_path / "t"))
    assert found.excluded == excluded
    assert found.to_json()["excluded"] == excluded


@pytest.mark.parametrize("told", ["a corpus", None, {}, {"content_hash": None}])
def test_a_bundle_that_names_no_corpus(corpus: Corpus, tmp_path: Path, told: object) -> None:
    made = made_bundle(tmp_path / "bundle", corpus=told)
    assert knowledge(made, tmp_path, corpus.path).corpus == ""


def test_both_proteins_of_a_pair_are_test_proteins(bundle: Path, tmp_path: Path) -> None:
    others = random_sequences(80, length=30, seed=5)
    rows = [
        {"id": row["id"], "sequence_a": others[2 * n], "sequence_b": others[2 * n + 1]}
        | {"target": row["target"], "split": row["split"]}
        for n, row in enumerate(proteins())
    ]
    rows[3]["sequence_b"] = LEARNT[0]
    rows[0]["sequence_a"] = LEARNT[1]
    task = load_task(write_task(tmp_path / "t", rows, "pair_regression"))
    found = knowledge(bundle, tmp_path).exposure(task)
    assert (found.proteins, found.identical) == (20, 1)


def test_every_test_split_is_asked_for(bundle: Path, tmp_path: Path) -> None:
    task = task_of(tmp_path / "t", *LEARNT[:2])
    splits = task.splits.astype(object)
    splits[task.entries("test")[0]] = "test_far"
    assert (
        knowledge(bundle, tmp_path).exposure(replace(task, splits=splits.astype(str))).identical
        == 2
    )


class TestVerb:
    """What `multiprot evaluate --corpus` tells."""

    def run(self, tmp_path: Path, bundle: Path, *corpora: Path) -> tuple[int, dict[str, Any]]:
        task = task_of(tmp_path / "t", LEARNT[0], mutated(LEARNT[1], 0.1))
        given = [word for path in corpora for word in ("--corpus", str(path))]
        words = ["evaluate", str(bundle), "--tasks", str(task.path.parent), "--resamples", "10"]
        code = main([*words, "--out", str(tmp_path / "out"), *given])
        return code, json.loads((tmp_path / "out" / "results.json").read_text())

    @needs_mmseqs
    def test_the_right_corpus(
        self, tmp_path: Path, bundle: Path, corpus: Corpus, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, told = self.run(tmp_path, bundle, corpus.path)
        assert code == 0
        assert told["notes"] == []
        (exposure,) = told["exposures"]
        assert (exposure["verdict"], exposure["identical"], exposure["similar"]) == ("seen", 1, 1)
        shown = capsys.readouterr().out
        assert "]*" in shown
        assert "* trained on test proteins of this task or on proteins like them" in shown

    def test_a_corpus_that_no_model_was_trained_on_is_told(
        self, tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A search that could not be made must not pass for one without a find."""
        other = made_corpus(tmp_path / "other", random_sequences(5, seed=3), []).path
        code, told = self.run(tmp_path, bundle, other)
        assert code == 0
        (note,) = told["notes"]
        assert note == f"{other}: none of the models says that it was trained on this corpus"
        assert f"note: {note}" in capsys.readouterr().err

    def test_without_mmseqs_it_is_told(
        self, tmp_path: Path, bundle: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        _, told = self.run(tmp_path, bundle, corpus.path)
        (note,) = told["notes"]
        assert note.startswith("similar proteins were not looked for: mmseqs2 is not installed")
        assert told["exposures"][0]["similar"] is None
