"""How predicted function is held against true function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError

Normalisation = Literal["cafa", "gt", "pred"]
"""By what sums over proteins are divided: precision by the proteins with a prediction and all else
by all ("cafa"); everything by all ("gt"); everything by those with a prediction ("pred")."""

Proteins = Literal["full", "partial"]
"""All benchmark proteins, or those with a prediction."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GoEvaluationOptions:
    """How predictions are held against truth.

    Attributes
    ----------
    thresholds
        float64 [threshold], ascending, above 0 and at most 1; 0.01, 0.02 … 0.99 by default.
    normalisation
        By what sums are divided.
    proteins
        "full": all proteins with a true term in the namespace. "partial": of these only those with
        a prediction above 0 there.
    exclude_roots
        The three roots are true of everything, so that they count for nothing.

    Raises
    ------
    EvaluationError
        If a setting makes no sense.
    """

    thresholds: NDArray[np.float64] = field(default_factory=lambda: np.arange(1, 100) / 100)
    normalisation: Normalisation = "cafa"
    proteins: Proteins = "full"
    exclude_roots: bool = True

    def __post_init__(self) -> None:
        steps = np.asarray(self.thresholds, dtype=np.float64)
        fits = steps.ndim == 1 and len(steps) > 0 and (np.diff(steps) > 0).all()
        if not fits or not 0 < steps[0] <= steps[-1] <= 1:
            raise EvaluationError(
                "thresholds are not ascending between 0 and 1, without 0; give a list such as "
                "0.1, 0.2 … 0.9"
            )
        if self.normalisation not in get_args(Normalisation):
            raise EvaluationError(
                f"no normalisation {self.normalisation!r}; choose cafa, gt or pred"
            )
        if self.proteins not in get_args(Proteins):
            raise EvaluationError(f"no choice of proteins {self.proteins!r}; full or partial")
