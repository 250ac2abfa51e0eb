"""An embedding store in the files of other tools: HDF5, npz, CSV and AnnData."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.embedding.exchange.export import ExportOptions, ExportSummary, export_store
    from multiprot.embedding.exchange.id_list import read_id_list

__all__ = ["ExportOptions", "ExportSummary", "export_store", "read_id_list"]

_HOMES: Final = {
    "ExportOptions": "export",
    "ExportSummary": "export",
    "export_store": "export",
    "read_id_list": "id_list",
}

__getattr__ = lazy_names(__name__, _HOMES)
