"""How good predictions are: metrics by the names that tasks use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.evaluation.metrics.context import MetricContext
    from multiprot.evaluation.metrics.metric import (
        Metric,
        MetricValue,
        Scorer,
        UndefinedMetricError,
    )
    from multiprot.evaluation.metrics.per_protein import per_protein
    from multiprot.evaluation.metrics.registry import (
        METRICS,
        default_metrics,
        metric_named,
        metrics_for,
    )

_HOMES: Final = {
    "METRICS": "registry",
    "Metric": "metric",
    "MetricContext": "context",
    "MetricValue": "metric",
    "Scorer": "metric",
    "UndefinedMetricError": "metric",
    "default_metrics": "registry",
    "metric_named": "registry",
    "metrics_for": "registry",
    "per_protein": "per_protein",
}

__all__ = [
    "METRICS",
    "Metric",
    "MetricContext",
    "MetricValue",
    "Scorer",
    "UndefinedMetricError",
    "default_metrics",
    "metric_named",
    "metrics_for",
    "per_protein",
]

__getattr__ = lazy_names(__name__, _HOMES)
