"""Calibrators mend what is wrong, leave alone what is right, and are plain numbers."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from multiprot.errors import EvaluationError
from multiprot.evaluation.calibration import (
    CalibrationMethod,
    PlattCalibrator,
    calibrator_from_json,
    fit_calibrator,
)
from multiprot.evaluation.reliability import expected_calibration_error

METHODS: tuple[CalibrationMethod, ...] = ("isotonic", "platt")


def _overconfident(seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Log odds are told three times too large."""
    rng = np.random.default_rng(seed)
    odds = rng.standard_normal(4000)
    labels = rng.random(4000) < 1 / (1 + np.exp(-odds))
    return labels, 1 / (1 + np.exp(-3 * odds))


@pytest.mark.parametrize("method", METHODS)
def test_it_mends_overconfidence_on_rows_it_has_not_seen(method: CalibrationMethod) -> None:
    calibrator = fit_calibrator(*_overconfident(0), method)
    labels, claimed = _overconfident(1)
    assert expected_calibration_error(labels, claimed) > 0.12
    assert expected_calibration_error(labels, calibrator(claimed)) < 0.03


@pytest.mark.parametrize("method", METHODS)
def test_it_keeps_the_order_and_the_shape(method: CalibrationMethod) -> None:
    calibrator = fit_calibrator(*_overconfident(2), method)
    mended = calibrator(np.linspace(0, 1, 400).reshape(20, 20))
    assert mended.shape == (20, 20)
    assert (np.diff(mended.ravel()) >= 0).all()
    assert mended.min() >= 0
    assert mended.max() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_json_brings_back_the_same_numbers(method: CalibrationMethod) -> None:
    calibrator = fit_calibrator(*_overconfident(3), method)
    back = calibrator_from_json(json.loads(json.dumps(calibrator.to_json())))
    assert back == calibrator


def test_isotonic_is_scikit_learns() -> None:
    labels, claimed = _overconfident(4)
    expected = IsotonicRegression(out_of_bounds="clip").fit(claimed, labels)
    asked = np.linspace(0, 1, 101)
    np.testing.assert_allclose(
        fit_calibrator(labels, claimed)(asked), expected.predict(asked), atol=1e-12
    )


def test_platt_finds_the_factor_that_was_put_in() -> None:
    found = fit_calibrator(*_overconfident(5), "platt")
    assert isinstance(found, PlattCalibrator)
    assert found.slope == pytest.approx(1 / 3, abs=0.04)
    assert found.intercept == pytest.approx(0, abs=0.1)


def test_platt_draws_separable_labels_in_from_zero_and_one() -> None:
    claimed = np.array([0.1, 0.1, 0.1, 0.9, 0.9])
    found = fit_calibrator(claimed > 0.5, claimed, "platt")
    # Of 2 positives (2 + 1) / (2 + 2) is asked, of 3 negatives 1 / (3 + 2).
    np.testing.assert_allclose(found(np.array([0.1, 0.9])), [1 / 5, 3 / 4], atol=1e-4)
    assert ((found(np.array([0.0, 1.0])) > 0) & (found(np.array([0.0, 1.0])) < 1)).all()


def test_slope_one_and_intercept_zero_change_nothing() -> None:
    claimed = np.linspace(0.01, 0.99, 50)
    np.testing.assert_allclose(PlattCalibrator(slope=1.0, intercept=0.0)(claimed), claimed)


def test_what_cannot_be_fitted() -> None:
    with pytest.raises(EvaluationError, match="all 3 labels are 1"):
        fit_calibrator(np.ones(3), np.array([0.1, 0.2, 0.3]))
    with pytest.raises(EvaluationError, match="no calibration method 'beta'"):
        fit_calibrator(np.array([0, 1]), np.array([0.1, 0.2]), "beta")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"method": "platt", "slope": 1.0},
        {"method": "platt", "slope": "steep", "intercept": 0.0},
        {"method": "isotonic", "scores": [0.1, 0.2], "probabilities": [0.1]},
        {"method": "isotonic", "scores": [0.2, 0.1], "probabilities": [0.1, 0.2]},
        {"method": "isotonic", "scores": [], "probabilities": []},
        {"method": "beta"},
    ],
)
def test_a_damaged_calibrator_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(EvaluationError, match=r"no calibrat(or|ion method)"):
        calibrator_from_json(values)


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.isotonic", None)
    with pytest.raises(EvaluationError, match=r"pip install 'multiprot\[evaluation\]'"):
        fit_calibrator(np.array([0, 1]), np.array([0.1, 0.9]))
