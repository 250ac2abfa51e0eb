"""Pretraining losses, one file each. Importing this package imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprot.objectives.build import build_objectives
    from multiprot.objectives.total import TotalObjective, TotalResult

__all__ = ["TotalObjective", "TotalResult", "build_objectives"]


def __getattr__(name: str) -> Any:
    if name in {"TotalObjective", "TotalResult"}:
        from multiprot.objectives import total

        return getattr(total, name)
    if name == "build_objectives":
        from multiprot.objectives.build import build_objectives

        return build_objectives
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
