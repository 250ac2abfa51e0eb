"""Vectors of a task's proteins, wherever they come from: a model, a store or a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.evaluation.features.open import open_source
    from multiprot.evaluation.features.reference import ModelKind, ModelReference, parse_models
    from multiprot.evaluation.features.source import FeatureSource
    from multiprot.evaluation.features.task_features import TaskFeatures

_HOMES: Final = {
    "FeatureSource": "source",
    "ModelKind": "reference",
    "ModelReference": "reference",
    "TaskFeatures": "task_features",
    "open_source": "open",
    "parse_models": "reference",
}

__all__ = [
    "FeatureSource",
    "ModelKind",
    "ModelReference",
    "TaskFeatures",
    "open_source",
    "parse_models",
]

__getattr__ = lazy_names(__name__, _HOMES)
