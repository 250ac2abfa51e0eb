"""A task in memory: its entries, their labels and their split."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.tasks.labels import Labels, parse_labels
from multiprot.evaluation.tasks.specification import TaskSpecification, read_specification
from multiprot.evaluation.tasks.table import read_columns, table_path
from multiprot.evaluation.tasks.task_type import SEQUENCE_COLUMNS, Unit
from multiprot.files import sha256
from multiprot.proteins.alphabet import RESIDUE_LETTERS

TRAIN: Final = "train"
VALID: Final = "valid"
TEST: Final = "test"
DROPPED: Final = ("drop", "")
"""An entry with one of these as its split is in none."""

_FURTHER_TEST: Final = re.compile(r"test_[A-Za-z0-9_.-]+")
"""It becomes a part of file names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Entries of a task folder.

    Attributes
    ----------
    specification
        What is asked.
    path
        Its table.
    content_hash
        SHA-256 of the table.
    split_column
        The column that `splits` is from.
    ids
        Of the entries, unique.
    sequences
        One tuple for each sequence column; upper-case letters of `RESIDUE_LETTERS`.
    ligands
        SMILES of each entry's ligand; empty where the task has none.
    splits
        "train", "valid", "test" or a further test split of each entry.
    labels
        Of the entries, or of their residues.
    """

    specification: TaskSpecification
    path: Path
    content_hash: str
    split_column: str
    ids: tuple[str, ...]
    sequences: tuple[tuple[str, ...], ...]
    ligands: tuple[str, ...]
    splits: NDArray[np.str_]
    labels: Labels

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def name(self) -> str:
        """The specification's; with the split column where that is not "split"."""
        name = self.specification.name
        return name if self.split_column == "split" else f"{name}[{self.split_column}]"

    @property
    def test_splits(self) -> tuple[str, ...]:
        """Names that begin with "test" and have entries, sorted."""
        return tuple(sorted({str(s) for s in self.splits if str(s).startswith(TEST)}))

    def entries(self, split: str) -> NDArray[np.int64]:
        """int64 [entry]: positions of a split's entries."""
        return np.flatnonzero(self.splits == split)

    def proteins(self, *splits: str) -> set[str]:
        """Sequences of the entries of some splits."""
        rows = [row for split in splits for row in self.entries(split)]
        return {column[row] for column in self.sequences for row in rows}

    def unique_sequences(self) -> tuple[str, ...]:
        """All sequences, each once, in the order of their first appearance."""
        return tuple(dict.fromkeys(s for column in self.sequences for s in column))


def load_task(folder: Path | str, *, split_column: str = "split") -> Task:
    """The task in a folder.

    Parameters
    ----------
    folder
        With task.json and a table.
    split_column
        Column that says of each entry whether it is for training, validation or test; "drop" or
        nothing: for none.

    Raises
    ------
    EvaluationError
        If the folder is not a task, naming the file, the entry and the value at fault.
    """
    folder = Path(folder)
    specification = read_specification(folder)
    path = table_path(folder)
    columns = SEQUENCE_COLUMNS[specification.unit]
    ligand = ("smiles",) if specification.unit is Unit.PROTEIN_LIGAND else ()
    table = read_columns(path, ("id", *columns, *ligand, "target", split_column))
    try:
        return _assembled(specification, path, split_column, table, columns, ligand)
    except EvaluationError as error:
        raise EvaluationError(f"{path}: {error}") from None


def _assembled(
    specification: TaskSpecification,
    path: Path,
    split_column: str,
    table: Any,
    columns: Sequence[str],
    ligand: Sequence[str],
) -> Task:
    ids = [str(value) for value in table.column("id").to_pylist()]
    _refuse_repeated(ids)
    splits = np.array([_split(value) for value in table.column(split_column).to_pylist()])
    _refuse_unknown_split(splits, ids, split_column)
    kept = table.filter(~np.isin(splits, DROPPED))
    ids = [str(value) for value in kept.column("id").to_pylist()]
    sequences = tuple(tuple(kept.column(name).to_pylist()) for name in columns)
    for name, column in zip(columns, sequences, strict=True):
        _refuse_odd_letters(column, ids, name)
    labels = parse_labels(specification, kept.column("target").to_pylist(), ids)
    if specification.unit is Unit.RESIDUE:
        _refuse_other_length(labels, sequences[0], ids)
    return Task(
        specification=specification,
        path=path,
        content_hash=sha256(path),
        split_column=split_column,
        ids=tuple(ids),
        sequences=sequences,
        ligands=tuple(kept.column(ligand[0]).to_pylist()) if ligand else (),
        splits=splits[~np.isin(splits, DROPPED)],
        labels=labels,
    )


def _split(value: Any) -> str:
    return str(value).strip()


def _refuse_repeated(ids: Sequence[str]) -> None:
    repeated = [name for name, count in Counter(ids).items() if count > 1]
    if repeated:
        raise EvaluationError(
            f"id {repeated[0]!r} stands on more than one row; give each entry an id of its own"
        )


def _refuse_unknown_split(splits: NDArray[np.str_], ids: Sequence[str], column: str) -> None:
    for row, split in enumerate(splits):
        if split not in (TRAIN, VALID, TEST, *DROPPED) and not _FURTHER_TEST.fullmatch(split):
            raise EvaluationError(
                f"entry {ids[row]}: {str(split)!r} in column {column!r} is not train, valid, test, "
                "test_… (letters, digits, _, - and .) or drop; choose another split column"
            )
    for needed in (TRAIN, TEST):
        if not any(split.startswith(needed) for split in splits):
            raise EvaluationError(
                f"column {column!r} puts no entry into {needed}; a task needs train and test"
            )


def _refuse_odd_letters(column: Sequence[str], ids: Sequence[str], name: str) -> None:
    known = set(RESIDUE_LETTERS)
    for row, sequence in enumerate(column):
        odd = sorted(set(sequence) - known)
        if odd:
            raise EvaluationError(
                f"entry {ids[row]}: letter {odd[0]!r} in {name} at residue "
                f"{sequence.index(odd[0]) + 1} is not one of {RESIDUE_LETTERS}"
            )
        if not sequence:
            raise EvaluationError(f"entry {ids[row]}: {name} is empty; fill it or drop the row")


def _refuse_other_length(labels: Labels, sequences: Sequence[str], ids: Sequence[str]) -> None:
    counts = np.diff(labels.offsets)
    for row, sequence in enumerate(sequences):
        if counts[row] != len(sequence):
            raise EvaluationError(
                f"entry {ids[row]}: {counts[row]} labels for {len(sequence)} residues; a residue "
                "without a label needs the ignore_label of task.json in its place"
            )
