"""Pretraining losses, one file each. Importing this package imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.objectives.build import build_objectives
    from multiprot.objectives.total import TotalObjective, TotalResult

__all__ = ["TotalObjective", "TotalResult", "build_objectives"]

__getattr__ = lazy_names(
    __name__, {"TotalObjective": "total", "TotalResult": "total", "build_objectives": "build"}
)
