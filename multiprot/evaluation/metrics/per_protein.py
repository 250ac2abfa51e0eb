"""A metric of each protein's rows, averaged over proteins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from multiprot.errors import EvaluationError
from multiprot.evaluation.metrics.context import MetricContext
from multiprot.evaluation.metrics.metric import (
    Array,
    Counts,
    Metric,
    Scorer,
    UndefinedMetricError,
)

SUFFIX = "_per_protein"


def per_protein(metric: Metric) -> Metric:
    """The mean of `metric` over proteins, long and short alike; those without a value left out."""

    def prepare(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
        return _mean_over_groups(metric, labels, predictions, context)

    return Metric(
        name=metric.name + SUFFIX,
        summary=f"Mean over proteins, those where it is undefined left out. {metric.summary}",
        targets=metric.targets,
        greater_is_better=metric.greater_is_better,
        prepare=prepare,
    )


def _mean_over_groups(
    metric: Metric, labels: Array, predictions: Array, context: MetricContext
) -> Scorer:
    if context.groups is None:
        raise EvaluationError(
            f"metric {metric.name + SUFFIX!r} needs the protein of each row; give groups, or "
            f"choose {metric.name!r}"
        )
    _, first, group = np.unique(context.groups, return_index=True, return_inverse=True)
    order = np.argsort(group, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(group))[:-1])
    alone = replace(context, groups=None)
    values = np.array([_value(metric, labels[p], predictions[p], alone) for p in parts])
    defined = ~np.isnan(values)

    def score(counts: Counts) -> float:
        proteins = counts[first]
        if (proteins[group] != counts).any():
            raise EvaluationError(
                f"metric {metric.name + SUFFIX!r} is a mean over proteins; resample whole "
                "proteins, not rows"
            )
        weights = proteins[defined]
        if not weights.any():
            raise UndefinedMetricError(f"{metric.name} is undefined for every protein")
        return float(weights @ values[defined] / weights.sum())

    return score


def _value(metric: Metric, labels: Array, predictions: Array, context: MetricContext) -> float:
    try:
        return metric.prepare(labels, predictions, context)(np.ones(len(labels)))
    except UndefinedMetricError:
        return float("nan")
