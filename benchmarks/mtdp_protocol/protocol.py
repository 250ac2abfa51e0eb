"""Random folds as MTDP has them, and the official split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from benchmarks.mtdp_protocol.design import LAST, OFFICIAL, RELEASED
from benchmarks.mtdp_protocol.head import Examples, answers_by_epoch
from multiprot.evaluation.metrics.context import MetricContext
from multiprot.evaluation.metrics.registry import metric_named
from multiprot.evaluation.tasks.labels import Labels

FOLDS: Final = 10
SEED: Final = 42

FoldScores = dict[str, dict[str, list[float]]]
"""Metric -> protocol -> one value for each fold."""


@dataclass(frozen=True, slots=True)
class Proteins:
    """Of one task, as one model sees them.

    Attributes
    ----------
    vectors
        float32 [protein, channel].
    labels
        Of all entries, in the same order.
    splits
        Official split of each.
    """

    vectors: NDArray[np.float32]
    labels: Labels
    splits: NDArray[np.str_]

    def scores(
        self, train: NDArray[np.int64], asked: NDArray[np.int64], metrics: Sequence[str]
    ) -> dict[str, NDArray[np.float64]]:
        """Metric -> [epoch] of a head that learns `train`, on `asked`; NaN where undefined."""
        labels = self.labels
        answers = self._answers(train, asked)
        context = MetricContext(target=labels.target, classes=labels.names)
        return {
            name: np.array(
                [
                    metric_named(name, labels.target)
                    .value(labels.values[asked], each, context)
                    .value
                    for each in answers
                ]
            )
            for name in metrics
        }

    def _answers(
        self, train: NDArray[np.int64], asked: NDArray[np.int64]
    ) -> list[NDArray[np.float64]]:
        labels = self.labels
        learnt = Examples(self.vectors[train], labels.values[train])
        # A yes or no has two classes, whether or not the task names them.
        classes = max(2, len(labels.names))
        return list(
            answers_by_epoch(learnt, self.vectors[asked], labels.target, classes, seed=SEED)
        )


def random_folds(proteins: Proteins, metrics: Sequence[str]) -> FoldScores:
    """Each fold once as test, of all entries whatever their split.

    "released" is the epoch that is best on the fold it is then scored on, as the first metric says;
    "last" is the last epoch.
    """
    found: FoldScores = {name: {RELEASED: [], LAST: []} for name in metrics}
    folds = KFold(FOLDS, shuffle=True, random_state=SEED)
    for train, test in folds.split(proteins.vectors):
        values = proteins.scores(train, test, metrics)
        best = best_epoch(values[metrics[0]])
        for name in metrics:
            found[name][RELEASED].append(float(values[name][best]))
            found[name][LAST].append(float(values[name][-1]))
    return found


def official_split(proteins: Proteins, metrics: Sequence[str]) -> dict[str, dict[str, list[float]]]:
    """Learnt from train, the epoch chosen by valid if there is one, scored once on test."""
    rows = {name: np.flatnonzero(proteins.splits == name) for name in ("train", "valid", "test")}
    epoch = -1
    if len(rows["valid"]):
        epoch = best_epoch(proteins.scores(rows["train"], rows["valid"], metrics[:1])[metrics[0]])
    # The same seed: the same head, epoch by epoch.
    tested = proteins.scores(rows["train"], rows["test"], metrics)
    return {name: {OFFICIAL: [float(values[epoch])]} for name, values in tested.items()}


def best_epoch(values: NDArray[np.float64]) -> int:
    """Where a metric is greatest; the last epoch where it never has a value."""
    return len(values) - 1 if np.isnan(values).all() else int(np.nanargmax(values))


def merged(*parts: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Metric -> protocol -> values, of several parts."""
    found: dict[str, dict[str, Any]] = {}
    for part in parts:
        for metric, by_protocol in part.items():
            found.setdefault(metric, {}).update(by_protocol)
    return found
