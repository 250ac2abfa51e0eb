"""k nearest neighbours: the rows of training that point in the most similar direction vote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.probes.coding import LabelCoding
from multiprot.evaluation.probes.rows import Features, Problem, Rows, row_blocks
from multiprot.evaluation.probes.scaling import Scaler
from multiprot.evaluation.probes.workers import Workers
from multiprot.evaluation.tasks.task_type import Target

NEIGHBOURS: Final = (1, 3, 5, 10, 20, 50)

_MORE: Final = 16
_QUERIES: Final = 256
_LEAST_VOTE: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class NeighbourModel:
    """Remembers the training rows.

    Attributes
    ----------
    coding
        What the votes mean.
    scaler
        Of the training rows.
    directions
        float32 [training row, kept channel] of length 1; of length 0 for a row at the centre.
    votes
        `csr_array` or array, float64 [training row, column].
    neighbours
        How many vote.
    """

    coding: LabelCoding
    scaler: Scaler
    directions: NDArray[np.float32]
    votes: Any
    neighbours: int

    def predict(self, features: Features, workers: Workers) -> NDArray[np.float64]:
        """Predictions, [row] or [row, output]."""
        return self.voted(*self.nearest(features, self.neighbours, workers))

    def nearest(
        self, features: Features, number: int, workers: Workers
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Training rows and their cosines, most similar first; of equals the earlier row."""

        def of_part(start: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
            return self._nearest(features[start : start + _QUERIES], number)

        parts = list(workers.map(of_part, range(0, features.shape[0], _QUERIES)))
        shape = (0, min(number, len(self.directions)))
        rows = [np.empty(shape, dtype=np.int64), *(part[0] for part in parts)]
        cosines = [np.empty(shape), *(part[1] for part in parts)]
        return np.concatenate(rows), np.concatenate(cosines)

    def voted(self, rows: NDArray[np.int64], cosines: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predictions from neighbours, [query, neighbour] each."""
        from scipy.sparse import csr_array

        weights = np.maximum(cosines, _LEAST_VOTE)
        weights /= weights.sum(axis=1, keepdims=True)
        starts = np.arange(len(rows) + 1) * rows.shape[1]
        shape = (len(rows), len(self.directions))
        found = csr_array((weights.ravel(), rows.ravel(), starts), shape=shape) @ self.votes
        return self.coding.predictions(found if isinstance(found, np.ndarray) else found.toarray())

    def _nearest(
        self, features: Features, number: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        queries = unit_directions(features, self.scaler)
        rough = queries @ self.directions.T
        # Products in float32 differ with the size of the block, so they only propose.
        reach = min(number + _MORE, rough.shape[1])
        rows = np.sort(np.argpartition(-rough, reach - 1, axis=1)[:, :reach], axis=1)
        exact = np.empty(rows.shape)
        for row, proposed in enumerate(rows):
            near = self.directions[proposed].astype(np.float64)
            exact[row] = (near * queries[row]).sum(axis=1)
        order = np.argsort(-exact, axis=1, kind="stable")[:, :number]
        return np.take_along_axis(rows, order, axis=1), np.take_along_axis(exact, order, axis=1)


@dataclass(frozen=True, slots=True)
class NeighbourPath:
    """Models that let 1 to 50 neighbours vote.

    A vote weighs as much as the cosine between the scaled vectors; one that is not positive weighs
    next to nothing. Where there are fewer training rows than neighbours asked for, all of them
    vote.
    """

    problem: Problem
    workers: Workers
    settings: tuple[int, ...] = NEIGHBOURS
    patience: int = len(NEIGHBOURS)

    def along(
        self, training: Rows, queries: Features
    ) -> Iterator[tuple[NeighbourModel, NDArray[np.float64]]]:
        """Models with their predictions for `queries`."""
        model = self.model(training, max(self.settings))
        rows, cosines = model.nearest(queries, model.neighbours, self.workers)
        for number in self.settings:
            predicted = model.voted(rows[:, :number], cosines[:, :number])
            yield replace(model, neighbours=number), predicted

    def model(self, training: Rows, setting: float) -> NeighbourModel:
        """The model of one number of neighbours."""
        from scipy.sparse import csr_array

        coding = LabelCoding.of(training.labels, self.problem)
        scaler = Scaler.of(training.features)
        columns = coding.columns(training.labels).astype(np.float64)
        votes = columns if self.problem.target is Target.REGRESSION else csr_array(columns)
        directions = unit_directions(training.features, scaler)
        return NeighbourModel(coding, scaler, directions, votes, int(setting))


def unit_directions(features: Features, scaler: Scaler) -> NDArray[np.float32]:
    """float32 [row, kept channel]: scaled rows of length 1; zeros for a row at the centre."""
    found = np.empty((features.shape[0], len(scaler.kept)), dtype=np.float32)
    for rows in row_blocks(len(found)):
        block = scaler.centred(features[rows])
        lengths = np.sqrt(np.einsum("rc,rc->r", block, block, dtype=np.float64))
        found[rows] = block / np.maximum(lengths, np.finfo(np.float32).tiny)[:, None]
    return found
