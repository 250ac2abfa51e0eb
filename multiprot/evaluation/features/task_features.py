"""A task's entries as rows that a probe can learn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.baselines import morgan_fingerprints, pair_features
from multiprot.evaluation.features.source import FeatureSource
from multiprot.evaluation.probes.rows import Rows
from multiprot.evaluation.tasks import Task, Unit

if TYPE_CHECKING:
    from multiprot.evaluation.probes.rows import Features


class TaskFeatures:
    """What a source knows of some entries of a task.

    Parameters
    ----------
    source
        The model.
    task
        The task.
    entries
        int64 [entry]: all that will be asked for.

    Attributes
    ----------
    refused
        Id of each entry that has no vector, and why.
    """

    def __init__(self, source: FeatureSource, task: Task, entries: NDArray[np.int64]) -> None:
        self._source = source
        self._task = task
        by_residue = task.specification.unit is Unit.RESIDUE
        wanted = dict.fromkeys(column[row] for column in task.sequences for row in entries)
        missing = source.missing(list(wanted), residues=by_residue)
        refused = _refused(task, entries, missing)
        self.refused = {task.ids[row]: reason for row, reason in refused.items()}
        self._usable = ~np.isin(np.arange(len(task)), list(refused))
        self._place = {s: row for row, s in enumerate(s for s in wanted if s not in missing)}
        if not self._place:
            raise EvaluationError(
                f"{source.name} has no vector of any entry of {task.name}: "
                f"{next(iter(missing.values()), 'the task has none')}"
            )
        self._vectors = None if by_residue else source.proteins(list(self._place))

    def usable(self, entries: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of `entries` that have vectors."""
        return entries[self._usable[entries]]

    def rows(self, entries: NDArray[np.int64]) -> Rows:
        """Vectors and labels of usable entries; of a residue task, of their scored residues."""
        task = self._task
        rows = task.labels.rows(entries)
        owners = task.labels.entries()[rows]
        features = self._residues(entries) if self._vectors is None else self._of(entries)
        return Rows(features, task.labels.values[rows], owners)

    def _of(self, entries: NDArray[np.int64]) -> Features:
        columns = [self._columns(column, entries) for column in self._task.sequences]
        if len(columns) > 1:
            return pair_features(columns[0], columns[1])
        if not self._task.ligands:
            return columns[0]
        prints = morgan_fingerprints([self._task.ligands[row] for row in entries])
        return _beside(columns[0], prints)

    def _columns(self, column: tuple[str, ...], entries: NDArray[np.int64]) -> Features:
        if self._vectors is None:
            raise EvaluationError("vectors of residues were asked for, not of proteins")
        return self._vectors[[self._place[column[row]] for row in entries]]

    def _residues(self, entries: NDArray[np.int64]) -> NDArray[np.float32]:
        labels = self._task.labels
        chosen = [labels.scored[labels.offsets[e] : labels.offsets[e + 1]] for e in entries]
        sequences = [self._task.sequences[0][row] for row in entries]
        return self._source.residues(sequences, chosen)


def _refused(task: Task, entries: NDArray[np.int64], missing: Mapping[str, str]) -> dict[int, str]:
    found = {}
    for row in entries if missing else ():
        for column in task.sequences:
            if column[row] in missing:
                found[int(row)] = missing[column[row]]
    return found


def _beside(first: Features, second: NDArray[np.float32]) -> Features:
    if isinstance(first, np.ndarray):
        return np.concatenate([first, second], axis=1)
    from scipy.sparse import csr_array, hstack

    return hstack([first, csr_array(second)], format="csr")
