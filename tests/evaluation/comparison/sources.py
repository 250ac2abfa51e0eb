"""Models of a test's own, and tasks whose labels follow from their vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.comparison import EvaluateOptions
from multiprot.evaluation.comparison.cell import make_cell
from multiprot.evaluation.features.source import FeatureSource
from multiprot.evaluation.tasks import Target, Task, TaskType, Unit, load_task
from tests.evaluation.tasks.folders import Row, write_task

WIDTH = 5
QUICK = EvaluateOptions(resamples=20)

METRICS = {
    Target.REGRESSION: "spearman",
    Target.BINARY: "auroc",
    Target.MULTICLASS: "accuracy",
    Target.MULTILABEL: "f1_macro",
}

SMILES = ("CCO", "c1ccccc1O", "CC(=O)N", "CCCCCCN", "OC(=O)c1ccccc1", "C1CCNCC1")


def drawn_from(text: str, *shape: int) -> NDArray[np.float64]:
    """Numbers that depend on the text alone."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).normal(size=shape)


def vector_of(sequence: str, width: int = WIDTH) -> NDArray[np.float64]:
    """[channel] of a protein."""
    return drawn_from(sequence, width)


def residues_of(sequence: str, width: int = WIDTH) -> NDArray[np.float64]:
    """[residue, channel] of a protein."""
    return drawn_from(f"residues of {sequence}", len(sequence), width)


class DrawnSource(FeatureSource):
    """Vectors that a sequence alone decides; those of some sequences are refused."""

    def __init__(self, name: str = "drawn", *, width: int = WIDTH, lacks: Sequence[str] = ()):
        self.name = name
        self.identity = {"kind": "drawn", "width": width, "lacks": sorted(lacks)}
        self.width = width
        self.lacks = frozenset(lacks)
        self.asked: list[str] = []

    def missing(self, sequences: Sequence[str], *, residues: bool) -> Mapping[str, str]:
        self.asked += sequences
        return {s: "it is lacking" for s in sequences if s in self.lacks}

    def proteins(self, sequences: Sequence[str]) -> NDArray[np.float32]:
        return np.array([vector_of(s, self.width) for s in sequences], dtype=np.float32)

    def residues(
        self, sequences: Sequence[str], chosen: Sequence[NDArray[np.bool_]]
    ) -> NDArray[np.float32]:
        parts = [residues_of(s, self.width)[c] for s, c in zip(sequences, chosen, strict=True)]
        return np.concatenate(parts).astype(np.float32)


class NoiseSource(DrawnSource):
    """Vectors that have nothing to do with any label."""

    def proteins(self, sequences: Sequence[str]) -> NDArray[np.float32]:
        return np.array([drawn_from(f"noise {s}", self.width) for s in sequences], np.float32)

    def residues(
        self, sequences: Sequence[str], chosen: Sequence[NDArray[np.bool_]]
    ) -> NDArray[np.float32]:
        rows = int(sum(mask.sum() for mask in chosen))
        return drawn_from("noise", rows, self.width).astype(np.float32)


def random_sequences(count: int, length: int = 12, seed: int = 0) -> list[str]:
    letters = np.array(list("ACDEFGHIKLMNPQRSTVWY"))
    drawn = np.random.default_rng(seed).integers(20, size=(count, length))
    return ["".join(row) for row in letters[drawn]]


def split_of(number: int) -> str:
    return ("train", "train", "train", "valid", "test")[number % 5]


def label_text(target: Target, values: NDArray[np.float64]) -> list[str]:
    """Labels that follow from [row, channel]: as a whole entry, or a residue, has them."""
    signal = values @ np.arange(1.0, values.shape[1] + 1)
    if target is Target.REGRESSION:
        return [f"{x:.4f}" for x in signal]
    if target is Target.BINARY:
        return [str(int(x > 0)) for x in signal]
    if target is Target.MULTICLASS:
        return ["abc"[int(k)] for k in np.digitize(signal, (-3.0, 3.0))]
    bits = values[:, :3] > 0
    return [";".join(f"l{k}" for k in np.flatnonzero(row)) for row in bits]


def planted_task(
    folder: Path,
    kind: TaskType,
    entries: int = 100,
    *,
    split: Callable[[int], str] = split_of,
    rows: Callable[[list[Row]], list[Row]] = lambda rows: rows,
    metric: str | None = None,
    **more: Any,
) -> Task:
    """A task of one type whose labels are a function of `DrawnSource`'s vectors."""
    write = _WRITERS[kind.unit]
    written = rows(write(kind.target, entries, split))
    if kind.unit is Unit.RESIDUE and kind.target is Target.REGRESSION:
        more = {"label_separator": " "} | more
    write_task(folder, written, kind.value, metric or METRICS[kind.target], **more)
    return load_task(folder)


def _of_proteins(target: Target, entries: int, split: Callable[[int], str]) -> list[Row]:
    sequences = random_sequences(entries)
    labels = label_text(target, np.array([vector_of(s) for s in sequences]))
    return [
        {"id": f"p{n}", "sequence": s, "target": label, "split": split(n)}
        for n, (s, label) in enumerate(zip(sequences, labels, strict=True))
    ]


def _of_residues(target: Target, entries: int, split: Callable[[int], str]) -> list[Row]:
    rows = []
    for number, sequence in enumerate(random_sequences(entries, length=15)):
        vectors = residues_of(sequence)
        if target is Target.MULTILABEL:
            bits = (vectors[:, :3] > 0) @ np.array([1, 2, 4])
            label = "".join(str(int(b)) for b in bits)
        else:
            between = " " if target is Target.REGRESSION else ""
            label = between.join(label_text(target, vectors))
        rows.append(
            {"id": f"p{number}", "sequence": sequence, "target": label, "split": split(number)}
        )
    return rows


def _of_pairs(target: Target, entries: int, split: Callable[[int], str]) -> list[Row]:
    first, second = random_sequences(entries), random_sequences(entries, seed=1)
    sums = [vector_of(a) + vector_of(b) for a, b in zip(first, second, strict=True)]
    labels = label_text(target, np.array(sums))
    return [
        {"id": f"p{n}", "sequence_a": a, "sequence_b": b, "target": label, "split": split(n)}
        for n, (a, b, label) in enumerate(zip(first, second, labels, strict=True))
    ]


def _with_ligands(target: Target, entries: int, split: Callable[[int], str]) -> list[Row]:
    rows = _of_proteins(target, entries, split)
    return [row | {"smiles": SMILES[n % len(SMILES)]} for n, row in enumerate(rows)]


_WRITERS = {
    Unit.PROTEIN: _of_proteins,
    Unit.RESIDUE: _of_residues,
    Unit.PAIR: _of_pairs,
    Unit.PROTEIN_LIGAND: _with_ligands,
}


def cell_of(
    task: Task,
    folder: Path,
    source: FeatureSource | None = None,
    options: EvaluateOptions = QUICK,
) -> dict[str, Any]:
    """A cell that is made in `folder`."""
    return make_cell(source or DrawnSource(), task, options, folder)


def primary_value(cell: dict[str, Any], split: str = "test", run: int = 0) -> float:
    value = cell["runs"][run]["splits"][split][cell["primary_metric"]]["value"]
    assert isinstance(value, float)
    return value
