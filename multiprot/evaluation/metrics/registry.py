"""Metrics by name, and those that a table shows if no one asks for others."""

from __future__ import annotations

from typing import Final

from multiprot.config.keys import nearest
from multiprot.errors import EvaluationError
from multiprot.evaluation.metrics.classification import CLASSIFICATION_METRICS, top_k_accuracy
from multiprot.evaluation.metrics.confidence import CONFIDENCE_METRICS
from multiprot.evaluation.metrics.metric import Metric
from multiprot.evaluation.metrics.multilabel import MULTILABEL_METRICS
from multiprot.evaluation.metrics.ordinal import ORDINAL_METRICS
from multiprot.evaluation.metrics.per_protein import SUFFIX, per_protein
from multiprot.evaluation.metrics.ranking import RANKING_METRICS
from multiprot.evaluation.metrics.regression import REGRESSION_METRICS
from multiprot.evaluation.tasks.task_type import Target

METRICS: Final = {
    metric.name: metric
    for metric in (
        *REGRESSION_METRICS,
        *CLASSIFICATION_METRICS,
        *ORDINAL_METRICS,
        *MULTILABEL_METRICS,
        *RANKING_METRICS,
        *CONFIDENCE_METRICS,
    )
}
"""Every metric with a fixed name."""

_DEFAULTS: Final = {
    Target.REGRESSION: ("spearman", "pearson", "r2", "rmse", "mae"),
    Target.BINARY: (
        "auroc",
        "auprc",
        "accuracy",
        "balanced_accuracy",
        "mcc",
        "f1",
        "expected_calibration_error",
    ),
    Target.MULTICLASS: (
        "accuracy",
        "balanced_accuracy",
        "mcc",
        "f1_macro",
        "expected_calibration_error",
    ),
    Target.MULTILABEL: (
        "f1_micro",
        "f1_macro",
        "f1_max",
        "auroc",
        "auprc",
        "expected_calibration_error",
    ),
}


def metric_named(name: str, target: Target | None = None) -> Metric:
    """The metric of a name.

    Parameters
    ----------
    name
        One of `METRICS`, or "top_5_accuracy" with any number; "_per_protein" behind it for a mean
        over proteins.
    target
        If given, the metric must be for such labels.

    Raises
    ------
    EvaluationError
        If there is no such metric, or not for such labels; names the nearest one.
    """
    base = name.removesuffix(SUFFIX)
    metric = METRICS.get(base) or top_k_accuracy(base)
    if metric is None:
        guess = nearest(base, tuple(METRICS))
        hint = f"did you mean {guess + name[len(base) :]!r}? " if guess else ""
        raise EvaluationError(
            f"no metric {name!r}; {hint}known: {', '.join(METRICS)} and top_K_accuracy"
        )
    if target is not None and target not in metric.targets:
        raise EvaluationError(
            f"metric {name!r} is not for {target} labels; choose one of "
            f"{', '.join(m.name for m in metrics_for(target))}"
        )
    return per_protein(metric) if name != base else metric


def metrics_for(target: Target) -> tuple[Metric, ...]:
    """All metrics of a fixed name for one kind of labels."""
    return tuple(metric for metric in METRICS.values() if target in metric.targets)


def default_metrics(target: Target) -> tuple[Metric, ...]:
    """The few that a table shows if no one asks for others, the first being the main one."""
    return tuple(METRICS[name] for name in _DEFAULTS[target])
