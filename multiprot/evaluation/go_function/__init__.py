"""Predicted GO terms against true ones: Fmax, Smin and areas as CAFA defines them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.evaluation.go_function.accretion import information_accretion
    from multiprot.evaluation.go_function.curve import BestPoint, GoCurve
    from multiprot.evaluation.go_function.evaluate import (
        GO_METRICS,
        GoFunctionResult,
        evaluate_go_function,
    )
    from multiprot.evaluation.go_function.options import GoEvaluationOptions
    from multiprot.evaluation.go_function.scores import propagated_scores, score_matrix

_HOMES: Final = {
    "BestPoint": "curve",
    "GO_METRICS": "evaluate",
    "GoCurve": "curve",
    "GoEvaluationOptions": "options",
    "GoFunctionResult": "evaluate",
    "evaluate_go_function": "evaluate",
    "information_accretion": "accretion",
    "propagated_scores": "scores",
    "score_matrix": "scores",
}

__all__ = [
    "BestPoint",
    "GO_METRICS",
    "GoCurve",
    "GoEvaluationOptions",
    "GoFunctionResult",
    "evaluate_go_function",
    "information_accretion",
    "propagated_scores",
    "score_matrix",
]

__getattr__ = lazy_names(__name__, _HOMES)
