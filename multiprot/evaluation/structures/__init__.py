"""Structures for a task's proteins, from a folder, matched by sequence and never by order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.evaluation.structures.library import StructureLibrary
    from multiprot.evaluation.structures.options import StructureOptions

_HOMES: Final = {
    "StructureLibrary": "library",
    "StructureOptions": "options",
}

__all__ = ["StructureLibrary", "StructureOptions"]

__getattr__ = lazy_names(__name__, _HOMES)
