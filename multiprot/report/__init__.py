"""One self-contained web page of scores, transfer matrices, maps of vectors and training curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names
from multiprot.report.options import ReportOptions

if TYPE_CHECKING:
    from multiprot.report.build import ReportSummary, build_report, write_report
    from multiprot.report.inputs import InputKind, ReportInput, recognised

_HOMES: Final = {
    "InputKind": "inputs",
    "ReportInput": "inputs",
    "ReportSummary": "build",
    "build_report": "build",
    "recognised": "inputs",
    "write_report": "build",
}

__all__ = [
    "InputKind",
    "ReportInput",
    "ReportOptions",
    "ReportSummary",
    "build_report",
    "recognised",
    "write_report",
]

__getattr__ = lazy_names(__name__, _HOMES)
