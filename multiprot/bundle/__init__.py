"""A saved model: one folder of safetensors, config, plugin lock and card; no pickle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.bundle.load import Bundle, load_bundle
    from multiprot.bundle.parts import BundleConfig, BundleExtras, TermReadout, TrainedObjectives
    from multiprot.bundle.prediction import PredictionHead, PredictionSettings
    from multiprot.bundle.save import save_bundle
    from multiprot.bundle.trained_on import TrainingSequences

__all__ = [
    "Bundle",
    "BundleConfig",
    "BundleExtras",
    "PredictionHead",
    "PredictionSettings",
    "TermReadout",
    "TrainedObjectives",
    "TrainingSequences",
    "load_bundle",
    "save_bundle",
]

_HOMES: Final = {
    "Bundle": "load",
    "BundleConfig": "parts",
    "BundleExtras": "parts",
    "PredictionHead": "prediction",
    "PredictionSettings": "prediction",
    "TermReadout": "parts",
    "TrainedObjectives": "parts",
    "TrainingSequences": "trained_on",
    "load_bundle": "load",
    "save_bundle": "save",
}

# Embedding stores share the bundle's manifests, and reading one needs no torch.
__getattr__ = lazy_names(__name__, _HOMES)
