"""Structures for a task's proteins, from a folder, matched by sequence and never by order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.evaluation.structures.library import StructureLibrary
    from multiprot.evaluation.structures.options import StructureOptions
    from multiprot.evaluation.structures.report import structure_report

_HOMES: Final = {
    "StructureLibrary": "library",
    "StructureOptions": "options",
    "structure_report": "report",
}

__all__ = ["StructureLibrary", "StructureOptions", "structure_report"]

__getattr__ = lazy_names(__name__, _HOMES)
