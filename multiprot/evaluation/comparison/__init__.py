"""Models compared on tasks: cells, their scores, and what may be concluded from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.evaluation.comparison.options import EvaluateOptions
from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.evaluation.comparison.exposure import Exposure, TrainingKnowledge, Verdict
    from multiprot.evaluation.comparison.results import table_text, write_results
    from multiprot.evaluation.comparison.run import Outcome, Plan, run_cells

_HOMES: Final = {
    "Exposure": "exposure",
    "Outcome": "run",
    "Plan": "run",
    "TrainingKnowledge": "exposure",
    "Verdict": "exposure",
    "run_cells": "run",
    "table_text": "results",
    "write_results": "results",
}

__all__ = [
    "EvaluateOptions",
    "Exposure",
    "Outcome",
    "Plan",
    "TrainingKnowledge",
    "Verdict",
    "run_cells",
    "table_text",
    "write_results",
]

__getattr__ = lazy_names(__name__, _HOMES)
