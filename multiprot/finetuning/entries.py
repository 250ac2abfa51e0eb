"""Tables of pairs of proteins, or of proteins with ligands, to predict for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from multiprot.bundle import PredictionSettings
from multiprot.errors import EvaluationError
from multiprot.evaluation.tasks import Unit
from multiprot.evaluation.tasks.table import read_columns
from multiprot.evaluation.tasks.task_type import SEQUENCE_COLUMNS


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A row to predict for.

    Attributes
    ----------
    id
        Its name.
    sequences
        One, or two of a pair; and those of the wild type behind them, where differences are asked
        for.
    smiles
        Its ligand, or None.
    """

    id: str
    sequences: tuple[str, ...]
    smiles: str | None = None


def read_entries(path: Path, settings: PredictionSettings) -> Iterator[TableEntry]:
    """Rows of a CSV, TSV or Parquet table, with the columns of a task but labels.

    Parameters
    ----------
    path
        The table: `id`, `sequence_a` and `sequence_b`; or `id`, `sequence` and `smiles`; and
        columns of the wild type as they were named in training.
    settings
        Of the head that is to predict.

    Raises
    ------
    EvaluationError
        If the table cannot be read, lacks a column or an id, or one stands on more than one row.
    """
    unit = Unit(settings.unit)
    columns = (*SEQUENCE_COLUMNS[unit], *settings.wild_type)
    ligand = ("smiles",) if unit is Unit.PROTEIN_LIGAND else ()
    table = read_columns(path, ("id", *columns, *ligand))
    ids = [str(value) for value in table.column("id").to_pylist()]
    if not all(name.strip() for name in ids):
        number = next(n for n, name in enumerate(ids, 1) if not name.strip())
        raise EvaluationError(f"{path}: row {number} has no id; give it one")
    repeated = [name for name, count in Counter(ids).items() if count > 1]
    if repeated:
        raise EvaluationError(
            f"{path}: id {repeated[0]!r} stands on more than one row; give each a name of its own"
        )
    sequences = zip(*(table.column(name).to_pylist() for name in columns), strict=True)
    smiles = table.column("smiles").to_pylist() if ligand else [None] * len(ids)
    for name, pair, molecule in zip(ids, sequences, smiles, strict=True):
        yield TableEntry(name, tuple(str(s).upper() for s in pair), molecule)
