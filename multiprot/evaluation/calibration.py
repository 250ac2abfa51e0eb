"""Calibrators: learned on held-out rows, kept as plain numbers, applied to any probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.reliability import Probabilities, checked_probabilities
from multiprot.optional import optional_module

CalibrationMethod = Literal["isotonic", "platt"]

_LEAST_ODDS: Final = 1e-6
"""Probabilities nearer to 0 or 1 than this have the log odds of it, which are finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IsotonicCalibrator:
    """A rising broken line through points; level beyond the first and the last.

    Attributes
    ----------
    scores, probabilities
        Coordinates of the points, both ascending.
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __call__(self, scores: Probabilities) -> NDArray[np.float64]:
        """float64, same shape: calibrated probabilities; never a reversed order, but new ties."""
        return np.interp(scores, self.scores, self.probabilities)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, from which `calibrator_from_json` makes an equal calibrator."""
        return {
            "method": "isotonic",
            "scores": list(self.scores),
            "probabilities": list(self.probabilities),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PlattCalibrator:
    """A line over log odds; slope 1 and intercept 0 change nothing.

    Attributes
    ----------
    slope, intercept
        Of the calibrated log odds over the given ones.
    """

    slope: float
    intercept: float

    def __call__(self, scores: Probabilities) -> NDArray[np.float64]:
        """float64, same shape: calibrated probabilities."""
        from scipy.special import expit

        return np.asarray(expit(self.slope * _log_odds(scores) + self.intercept))

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, from which `calibrator_from_json` makes an equal calibrator."""
        return {"method": "platt", "slope": self.slope, "intercept": self.intercept}


Calibrator = IsotonicCalibrator | PlattCalibrator


def fit_calibrator(
    labels: NDArray[Any], probabilities: Probabilities, method: CalibrationMethod = "isotonic"
) -> Calibrator:
    """Learn to correct probabilities, on rows that the model has not been trained on.

    Parameters
    ----------
    labels
        0 or 1 (or bool), any shape; all cells count alike.
    probabilities
        Of 1, same shape.
    method
        "isotonic": any rising curve, for thousands of rows. "platt": two numbers, for fewer; the
        labels are drawn in from 0 and 1 as Platt (1999) does, so that separable ones fit too.

    Raises
    ------
    EvaluationError
        If labels are all the same, shapes or values do not fit, the method is unknown, or
        scikit-learn is missing.
    """
    true, claimed = checked_probabilities(labels, probabilities)
    if true.min() == true.max():
        raise EvaluationError(
            f"all {len(true)} labels are {true[0]:g}, so there is nothing to calibrate; give rows "
            "of both kinds"
        )
    if method == "isotonic":
        return _fit_isotonic(true, claimed)
    if method == "platt":
        return _fit_platt(true, claimed)
    raise EvaluationError(f"no calibration method {method!r}; choose isotonic or platt")


def calibrator_from_json(values: Mapping[str, Any]) -> Calibrator:
    """A calibrator from what its `to_json` gave; raises `EvaluationError` if it is damaged."""
    try:
        if values["method"] == "platt":
            return PlattCalibrator(
                slope=float(values["slope"]), intercept=float(values["intercept"])
            )
        if values["method"] == "isotonic":
            return _broken_line(values["scores"], values["probabilities"])
    except (KeyError, TypeError, ValueError) as error:
        raise EvaluationError(
            f"this is no calibrator ({type(error).__name__}: {error}); fit it again"
        ) from None
    raise EvaluationError(f"no calibration method {values['method']!r}; choose isotonic or platt")


def _broken_line(scores: Any, probabilities: Any) -> IsotonicCalibrator:
    x, y = (tuple(float(value) for value in values) for values in (scores, probabilities))
    if len(x) != len(y) or not x or list(x) != sorted(x) or list(y) != sorted(y):
        raise ValueError("scores and probabilities are not two ascending lists of one length")
    return IsotonicCalibrator(scores=x, probabilities=y)


def _fit_isotonic(true: NDArray[np.float64], claimed: NDArray[np.float64]) -> IsotonicCalibrator:
    regression = import_scikit_learn().isotonic.IsotonicRegression(y_min=0.0, y_max=1.0)
    regression.fit(claimed, true)
    return _broken_line(regression.X_thresholds_, regression.y_thresholds_)


def _fit_platt(true: NDArray[np.float64], claimed: NDArray[np.float64]) -> PlattCalibrator:
    positives, rows = true.sum(), len(true)
    # Each row counts as both labels, by its drawn-in label and the rest of 1.
    drawn_in = np.where(true > 0, (positives + 1) / (positives + 2), 1 / (rows - positives + 2))
    odds = np.tile(_log_odds(claimed), 2)[:, None]
    regression = import_scikit_learn().linear_model.LogisticRegression(C=np.inf, tol=1e-8)
    regression.fit(
        odds, np.repeat([1, 0], rows), sample_weight=np.concatenate([drawn_in, 1 - drawn_in])
    )
    return PlattCalibrator(
        slope=float(regression.coef_[0, 0]), intercept=float(regression.intercept_[0])
    )


def _log_odds(probabilities: Probabilities) -> NDArray[np.float64]:
    from scipy.special import logit

    return np.asarray(logit(np.clip(probabilities, _LEAST_ODDS, 1 - _LEAST_ODDS, dtype=np.float64)))


def import_scikit_learn() -> Any:
    """The library, with the parts that are used here.

    Raises
    ------
    EvaluationError
        If it is not installed or broken; the message says how to install it.
    """
    need, install = "calibration needs the package scikit-learn", "'multiprot[evaluation]'"
    for part in ("sklearn.isotonic", "sklearn.linear_model"):
        optional_module(part, need, install, error=EvaluationError)
    return optional_module("sklearn", need, install, error=EvaluationError)
