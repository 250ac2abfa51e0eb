"""Which proteins of a task are looked at: decided by name and seed, nested, the same for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from multiprot.errors import TransferError
from multiprot.evaluation.features import FeatureSource
from multiprot.evaluation.tasks import Target, Task, load_task
from multiprot.transfer import (
    MEASURES,
    Sample,
    TransferOptions,
    estimate,
    samples_of_models,
    samples_of_tasks,
    sequence_sample,
    task_sample,
)
from multiprot.transfer.sample import drawn_rows, half_rows
from tests.evaluation.tasks.folders import Row, proteins, write_task


class Letters(FeatureSource):
    """Counts of letters, and how long it is, which tells every protein of these tests apart."""

    def __init__(self, name: str = "letters", unknown: Sequence[str] = (), width: int = 20) -> None:
        self.name = name
        self.identity = {"kind": "letters"}
        self.unknown = set(unknown)
        self.width = width
        self.asked: list[str] = []

    def missing(self, sequences: Sequence[str], *, residues: bool) -> Mapping[str, str]:
        assert not residues
        assert len(set(sequences)) == len(sequences)
        return {s: "it is not known" for s in sequences if s in self.unknown}

    def proteins(self, sequences: Sequence[str]) -> NDArray[np.float32]:
        assert self.unknown.isdisjoint(sequences)
        self.asked += sequences
        return np.array([vector(s)[: self.width] for s in sequences], np.float32)

    def residues(
        self, sequences: Sequence[str], chosen: Sequence[NDArray[np.bool_]]
    ) -> NDArray[np.float32]:
        raise NotImplementedError


def vector(sequence: str) -> list[float]:
    return [1 + sum((i + 1) * (s == letter) for i, s in enumerate(sequence)) for letter in LETTERS]


LETTERS = "ACDEFGHIKLMNPQRSTVWY"


def pairs(count: int = 40) -> list[Row]:
    rows = proteins(2 * count)
    return [
        {**a, "sequence_a": a["sequence"], "sequence_b": b["sequence"]}
        for a, b in zip(rows[:count], rows[count:], strict=True)
    ]


def residues(count: int = 40) -> list[Row]:
    return [row | {"target": "HE" * 6 + "C"} for row in proteins(count)]


def several(count: int = 40) -> list[Row]:
    names = ("GO:1", "GO:2;GO:3", "GO:1;GO:3", "")
    return [row | {"target": names[i % 4]} for i, row in enumerate(proteins(count))]


KINDS = {
    "regression": lambda: proteins(40),
    "multilabel": several,
    "pair_regression": pairs,
    "residue_multiclass": residues,
    "protein_ligand_regression": lambda: [row | {"smiles": "CCO"} for row in proteins(40)],
}


def made(folder: Path, kind: str, rows: list[Row] | None = None, name: str = "task") -> Task:
    metric = {"multilabel": "micro_f1", "residue_multiclass": "accuracy"}.get(kind, "spearman")
    return load_task(write_task(folder / kind / name, rows or KINDS[kind](), kind, metric))


def content(sample: Sample) -> set[tuple[float, ...]]:
    return {tuple(row) for row in sample.vectors.tolist()}


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_of_training_proteins_only(kind: str, tmp_path: Path) -> None:
    task, source = made(tmp_path, kind), Letters()
    sample = task_sample(source, task, 1000)
    training = {column[row] for column in task.sequences for row in task.entries("train")}
    assert set(source.asked) == training
    assert content(sample) == {tuple(map(float, vector(s))) for s in training}
    assert sample.name == "task"
    labelled = kind in ("regression", "multilabel")
    assert (sample.labels is not None) is labelled
    assert len(sample) == len(training)


@pytest.mark.parametrize("kind", KINDS)
def test_more_proteins_hold_fewer(kind: str, tmp_path: Path) -> None:
    task = made(tmp_path, kind)
    sizes = [12, 15, 18]
    samples = [content(task_sample(Letters(), task, n)) for n in sizes]
    assert [len(s) for s in samples] == sizes
    assert samples[0] < samples[1] < samples[2]
    assert content(task_sample(Letters(), task, 12)) == samples[0]
    assert content(task_sample(Letters(), task, 12, seed=1)) != samples[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_table_does_not_matter(kind: str, tmp_path: Path) -> None:
    rows = KINDS[kind]()
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    one, other = made(tmp_path, kind, rows), made(tmp_path, kind, shuffled, "again")
    assert content(task_sample(Letters(), one, 14)) == content(task_sample(Letters(), other, 14))


def test_both_sides_of_pairs_are_drawn(tmp_path: Path) -> None:
    task = made(tmp_path, "pair_regression", pairs(60))
    source = Letters()
    task_sample(source, task, 30)
    first = sum(s in task.sequences[0] for s in source.asked)
    assert 8 <= first <= 22
    # Nor are they the first ones of the file.
    places = [task.sequences[0].index(s) for s in source.asked if s in task.sequences[0]]
    assert max(places) > 40


def test_labels_stay_with_their_proteins(tmp_path: Path) -> None:
    rows = proteins(40)
    task = made(tmp_path, "regression", rows)
    refused = [row["sequence"] for row in rows[::8]]
    sample = task_sample(Letters(unknown=refused), task, 16)
    wanted = {tuple(map(float, vector(r["sequence"]))): float(r["target"]) for r in rows}
    assert sample.labels is not None
    assert 10 <= len(sample) < 16
    for row, label in zip(sample.vectors.tolist(), sample.labels, strict=True):
        assert wanted[tuple(row)] == label


def test_several_labels_are_columns(tmp_path: Path) -> None:
    sample = task_sample(Letters(), made(tmp_path, "multilabel"), 100)
    assert sample.target is Target.MULTILABEL
    assert sample.labels is not None
    assert sample.labels.shape == (20, 3)
    for name in ("logme", "h-score", "knn-purity"):
        options = TransferOptions(replicates=0, neighbours=3)
        assert np.isfinite(estimate(MEASURES[name], [sample], options).value)


def test_repeated_proteins_count_once_where_they_have_no_labels(tmp_path: Path) -> None:
    same = [row | {"smiles": "C" * (i + 1)} for i, row in enumerate(proteins(48))]
    for i, row in enumerate(same):
        row["sequence"] = same[i % 24]["sequence"]
    task = made(tmp_path, "protein_ligand_regression", same)
    assert len(task_sample(Letters(), task, 100)) == 12


def test_a_model_without_vectors_is_told(tmp_path: Path) -> None:
    task = made(tmp_path, "regression")
    training = [task.sequences[0][row] for row in task.entries("train")]
    with pytest.raises(TransferError, match="letters has no vector of any protein of task: it is"):
        task_sample(Letters(unknown=training), task, 100)
    with pytest.raises(TransferError, match="task: 9 proteins are too few"):
        task_sample(Letters(unknown=training[9:]), task, 100)
    with pytest.raises(TransferError, match="corpus: 3 proteins are too few"):
        sequence_sample(Letters(), "corpus", ["MA", "MC", "MD"])


def test_one_task_costs_no_other(tmp_path: Path) -> None:
    good = made(tmp_path, "regression", proteins(40), "good")
    few = made(tmp_path, "regression", proteins(8), "few")
    samples, failed = samples_of_tasks(Letters(), [few, good], 100)
    assert list(samples) == ["good"]
    assert list(failed) == ["few"]
    assert "too few" in failed["few"]


def test_models_are_compared_on_the_proteins_that_all_have(tmp_path: Path) -> None:
    task = made(tmp_path, "regression", proteins(60))
    training = [task.sequences[0][row] for row in task.entries("train")]
    sources = [
        Letters("all"),
        Letters("most", training[:6]),
        Letters("narrow", training[4:9], width=7),
        Letters("none", training),
        Letters("nearly none", training[9:]),
    ]
    seen, failed = samples_of_models(sources, task, 100)
    assert list(seen) == ["all", "most", "narrow"]
    assert {len(sample) for sample in seen.values()} == {len(training) - 9}
    assert [sample.vectors.shape[1] for sample in seen.values()] == [20, 20, 7]
    np.testing.assert_array_equal(seen["all"].vectors, seen["most"].vectors)
    np.testing.assert_array_equal(seen["all"].labels, seen["narrow"].labels)
    assert "has no vector" in failed["none"]
    assert "9 proteins are too few" in failed["nearly none"]


def test_models_without_proteins_in_common_are_told(tmp_path: Path) -> None:
    task = made(tmp_path, "regression", proteins(60))
    training = [task.sequences[0][row] for row in task.entries("train")]
    half = len(training) // 2
    sources = [Letters("one", training[:half]), Letters("other", training[half:])]
    with pytest.raises(TransferError, match="no vector of any protein of task"):
        samples_of_models(sources, task, 100)


@settings(max_examples=40)
@given(
    name=st.text(min_size=1, max_size=9),
    seed=st.integers(0, 2**40),
    count=st.integers(10, 60),
    n=st.integers(0, 70),
)
def test_rows_are_drawn_by_name_and_seed(name: str, seed: int, count: int, n: int) -> None:
    sample = Sample(name, np.ones((count, 2), np.float32))
    rows = drawn_rows(sample, n, seed)
    assert len(rows) == len(set(rows)) == min(n, count)
    np.testing.assert_array_equal(rows, drawn_rows(sample, n + 5, seed)[: len(rows)])
    np.testing.assert_array_equal(rows, drawn_rows(Sample("x", sample.vectors), n, seed, name))


@settings(max_examples=30)
@given(count=st.integers(2, 80), seed=st.integers(0, 2**40), replicate=st.integers(0, 99))
def test_a_half_is_half_of_the_rows_once_each(count: int, seed: int, replicate: int) -> None:
    half = half_rows(count, seed, "name", replicate)
    assert len(half) == len(set(half)) == count // 2
    assert (np.diff(half) > 0).all()
    assert 0 <= half.min() <= half.max() < count
    if count > 40:
        assert list(half) != list(half_rows(count, seed, "name", replicate + 1))
        assert list(half) != list(half_rows(count, seed, "other", replicate))


def test_every_protein_is_in_half_of_the_halves() -> None:
    """So that no protein decides an interval more than another."""
    counts = np.zeros(30)
    for replicate in range(600):
        counts[half_rows(30, 5, "name", replicate)] += 1
    # Binomial: 300 ± 12.2; four deviations.
    assert np.abs(counts - 300).max() < 50
    together = [{3, 4} <= set(half_rows(30, 5, "name", r)) for r in range(600)]
    # 15/30 · 14/29 of them, were they drawn independently.
    assert np.mean(together) == pytest.approx(15 / 30 * 14 / 29, abs=0.08)


def test_what_else_is_measured_does_not_matter() -> None:
    generator = np.random.default_rng(0)
    sets = [Sample(f"s{i}", generator.standard_normal((50, 4)).astype(np.float32)) for i in "abc"]
    options = TransferOptions(n=30, replicates=4)
    alone = estimate(MEASURES["wasserstein"], sets[:2], options)
    for name in ("sinkhorn", "sliced-wasserstein", "otfrm"):
        estimate(MEASURES[name], sets[1:], options)
    np.random.seed(1)  # noqa: NPY002 - whatever the global state is
    assert estimate(MEASURES["wasserstein"], sets[:2], options) == alone
