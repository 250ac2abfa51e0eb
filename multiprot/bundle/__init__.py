"""A saved model: one folder of safetensors, config, plugin lock and card; no pickle."""

from multiprot.bundle.load import Bundle, load_bundle
from multiprot.bundle.parts import BundleConfig, BundleExtras, TermReadout, TrainedObjectives
from multiprot.bundle.save import save_bundle

__all__ = [
    "Bundle",
    "BundleConfig",
    "BundleExtras",
    "TermReadout",
    "TrainedObjectives",
    "load_bundle",
    "save_bundle",
]
