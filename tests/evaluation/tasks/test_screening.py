"""Proteins of a corpus that resemble test proteins of tasks."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from multiprot.data.exclusion import Exclusion
from multiprot.errors import EvaluationError
from multiprot.evaluation.tasks import Resemblance, Task, load_task, screen, write_exclusion
from tests.evaluation.comparison.sources import random_sequences
from tests.evaluation.tasks.folders import Row, proteins, write_task

needs_mmseqs = pytest.mark.skipif(shutil.which("mmseqs") is None, reason="mmseqs2 not installed")


def long_rows() -> list[Row]:
    sequences = random_sequences(40, length=120)
    return [row | {"sequence": s} for row, s in zip(proteins(40), sequences, strict=True)]


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return load_task(write_task(tmp_path / "long", long_rows()))


def sequence_in(task: Task, split: str, number: int = 0) -> str:
    return task.sequences[0][task.entries(split)[number]]


def changed(sequence: str, every: int) -> str:
    """One letter in so many is another one."""
    swapped = {letter: "A" if letter != "A" else "G" for letter in sequence}
    return "".join(swapped[c] if n % every == 0 else c for n, c in enumerate(sequence))


def test_equal_sequences_of_test_parts_are_found_and_no_others(task: Task) -> None:
    corpus = {split: sequence_in(task, split) for split in ("train", "valid", "test")}
    corpus["again"] = corpus["test"]
    found = screen(corpus, [task], identity=1.0, threads=1)
    assert found == [Resemblance("again", "long", 1.0), Resemblance("test", "long", 1.0)]


def test_both_proteins_of_a_pair_and_further_test_parts_count(tmp_path: Path) -> None:
    a, b, c, d = random_sequences(4)
    rows = [
        {"id": "1", "sequence_a": a, "sequence_b": b, "target": "1", "split": "train"},
        {"id": "2", "sequence_a": a, "sequence_b": c, "target": "2", "split": "test"},
        {"id": "3", "sequence_a": b, "sequence_b": d, "target": "3", "split": "test_far"},
    ]
    task = load_task(write_task(tmp_path / "pairs", rows, "pair_regression"))
    found = screen({"c": c, "d": d, "e": a[::-1]}, [task], identity=1.0, threads=1)
    assert [each.protein for each in found] == ["c", "d"]


@needs_mmseqs
@pytest.mark.parametrize(("every", "similar"), [(4, True), (1, False)])
def test_similar_sequences_are_found_by_identity(task: Task, every: int, similar: bool) -> None:
    test = sequence_in(task, "test")
    corpus = {"like": changed(test, every), "other": random_sequences(99, length=120)[-1]}
    found = screen(corpus, [task], identity=0.5, threads=1)
    assert [each.protein for each in found] == (["like"] if similar else [])
    if similar:
        assert found[0].identity == pytest.approx(0.75, abs=0.03)
        assert screen(corpus, [task], identity=0.9, threads=1) == []


@needs_mmseqs
def test_a_peptide_too_short_for_a_search_is_found(tmp_path: Path) -> None:
    rows = [row | {"sequence": row["sequence"][:5]} for row in proteins(8)]
    task = load_task(write_task(tmp_path / "short", rows))
    peptide = sequence_in(task, "test")
    [found] = screen({"p": peptide}, [task], identity=0.5, threads=1)
    assert found.identity == 1.0


def test_without_mmseqs_similar_ones_are_refused_and_equal_ones_found(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EvaluationError, match="apt-get install mmseqs2"):
        screen({"p": "MKV"}, [task], identity=0.5, threads=1)
    assert screen({"p": "MKV"}, [task], identity=1.0, threads=1) == []


@pytest.mark.parametrize("name", ["found.tsv", "found.tsv.gz"])
def test_the_table_is_what_an_exclusion_reads(task: Task, tmp_path: Path, name: str) -> None:
    corpus = {"p": sequence_in(task, "test"), "q": sequence_in(task, "train")}
    path = tmp_path / name
    write_exclusion(screen(corpus, [task], identity=1.0, threads=1), path)
    assert Exclusion.read(path, ["long"]).of_protein == {"p": ("long",)}
    opened = gzip.open if name.endswith("gz") else open
    with opened(path, "rt") as handle:
        assert handle.read() == "protein_id\ttask\tidentity\np\tlong\t1.000\n"
