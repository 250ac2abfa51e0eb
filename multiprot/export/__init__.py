"""A student for other tools: a plain checkpoint of transformers, ONNX, INT8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.export.demand import FidelityDemand
    from multiprot.export.model_export import ModelExport, export_model
    from multiprot.export.parity import Parity
    from multiprot.export.source import ExportSource, open_source

__all__ = [
    "ExportSource",
    "FidelityDemand",
    "ModelExport",
    "Parity",
    "export_model",
    "open_source",
]

_HOMES: Final = {
    "ExportSource": "source",
    "FidelityDemand": "demand",
    "ModelExport": "model_export",
    "Parity": "parity",
    "export_model": "model_export",
    "open_source": "source",
}

__getattr__ = lazy_names(__name__, _HOMES)
