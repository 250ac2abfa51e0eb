"""Vectors of a task's entries, as a head takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multiprot.bundle import PredictionHead
from multiprot.evaluation.baselines import morgan_fingerprints
from multiprot.evaluation.tasks import Task
from multiprot.evaluation.tasks.task_type import SEQUENCE_COLUMNS

_AT_ONCE: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """What a head takes, row by row.

    Attributes
    ----------
    first, second
        float32 [row, width] of proteins or residues; `second` for pairs alone.
    ligand
        float32 [row, bit], or None.
    nodes
        int64 [row, 2]: which proteins of a network a pair is of, -1: of none; or None.
    wild_type
        float32 [row, protein, width]: what a row is compared with, or None.
    """

    first: NDArray[np.float32]
    second: NDArray[np.float32] | None = None
    ligand: NDArray[np.float32] | None = None
    nodes: NDArray[np.int64] | None = None
    wild_type: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.first)

    def tensors(self, begin: int = 0, end: int | None = None) -> dict[str, Any]:
        """Some rows as tensors or None, by the names that `PredictionHead.forward` has for them."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: None if part is None else torch.from_numpy(part[begin:end])
            for name, part in parts.items()
        }


@torch.no_grad()
def predicted(head: PredictionHead, rows: Rows) -> NDArray[np.float64]:
    """What a head says of rows, as `PredictionHead.predictions`.

    On the CPU in float64: in float32 the last digit would depend on a row's place in its batch.
    """
    exact = deepcopy(head).cpu().double().eval()
    found = []
    for begin in range(0, max(1, len(rows)), _AT_ONCE):
        parts = rows.tensors(begin, begin + _AT_ONCE)
        outputs = exact(**{name: _exact(part) for name, part in parts.items()})
        found.append(exact.predictions(outputs).numpy())
    return np.concatenate(found)


def _exact(part: Tensor | None) -> Tensor | None:
    return part.double() if part is not None and part.is_floating_point() else part


def assembled(
    task: Task, entries: NDArray[np.int64], vectors: Mapping[str, NDArray[np.float32]]
) -> Rows:
    """Rows of entries whose label is of whole proteins.

    Parameters
    ----------
    task
        The task.
    entries
        int64 [entry].
    vectors
        Sequence -> float32 [width], for all sequences of these entries.
    """
    columns = [np.stack([vectors[column[row]] for row in entries]) for column in task.sequences]
    own = own_columns(task)
    return Rows(
        first=columns[0],
        second=columns[1] if own > 1 else None,
        ligand=fingerprints(task, entries),
        wild_type=np.stack(columns[own:], axis=1) if columns[own:] else None,
    )


def own_columns(task: Task) -> int:
    """How many columns of sequences a task has without those of a wild type, which come behind."""
    return len(SEQUENCE_COLUMNS[task.specification.unit])


def fingerprints(task: Task, entries: NDArray[np.int64]) -> NDArray[np.float32] | None:
    """float32 [entry, bit], or None where the task has no ligands."""
    if not task.ligands:
        return None
    return morgan_fingerprints([task.ligands[row] for row in entries])


def scored_residues(task: Task, entry: int) -> NDArray[np.bool_]:
    """bool [residue]: which of an entry's residues count."""
    begin, end = task.labels.offsets[entry], task.labels.offsets[entry + 1]
    return task.labels.scored[begin:end]


def sequences_of(task: Task, entries: Sequence[int] | NDArray[np.int64]) -> list[str]:
    """Sequences of some entries, each once, in the order of their first appearance."""
    return list(dict.fromkeys(column[row] for row in entries for column in task.sequences))
