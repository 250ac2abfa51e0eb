"""Reliability diagrams hold every probability once, and their error is a loop over bins."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from multiprot.errors import EvaluationError
from multiprot.evaluation.reliability import expected_calibration_error, reliability_diagram


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 60), bins=st.integers(1, 12))
def test_filled_bins_agree_with_scikit_learn(seed: int, rows: int, bins: int) -> None:
    rng = np.random.default_rng(seed)
    labels, probabilities = rng.random(rows) < 0.5, rng.random(rows)
    found = reliability_diagram(labels, probabilities, bins=bins)
    true, claimed = calibration_curve(labels, probabilities, n_bins=bins)
    filled = found.count > 0
    np.testing.assert_allclose(found.observed[filled], true)
    np.testing.assert_allclose(found.predicted[filled], claimed)
    assert np.isnan(found.predicted[~filled]).all()
    assert found.count.sum() == rows


def test_edges_belong_to_the_bin_above_and_one_to_the_last() -> None:
    found = reliability_diagram(np.ones(3), np.array([0.0, 0.5, 1.0]), bins=2)
    assert found.count.tolist() == [1, 2]


def test_a_loop_over_bins_gives_the_same_error() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.random((40, 5))
    labels = rng.random((40, 5)) < probabilities**2
    error = 0.0
    for low in np.arange(10) / 10:
        inside = (probabilities >= low) & (probabilities < low + 0.1)
        error += inside.mean() * abs(probabilities[inside].mean() - labels[inside].mean())
    assert expected_calibration_error(labels, probabilities) == pytest.approx(error)


def test_it_is_plain_json() -> None:
    values = reliability_diagram(np.ones(1), np.full(1, 0.7), bins=2).to_json()
    assert json.loads(json.dumps(values)) == {
        "edges": [0.0, 0.5, 1.0],
        "predicted": [None, 0.7],
        "observed": [None, 1.0],
        "count": [0, 1],
    }


@pytest.mark.parametrize(
    ("labels", "probabilities", "bins", "message"),
    [
        ([], [], 10, "are empty"),
        ([1.0], [0.1, 0.2], 10, "differ in shape"),
        ([2.0], [0.1], 10, "not all 0 or 1"),
        ([1.0], [1.1], 10, "not all within 0 and 1"),
        ([1.0], [float("nan")], 10, "not all within 0 and 1"),
        ([1.0], [0.1], 0, "0 bins hold nothing"),
    ],
)
def test_what_cannot_be_drawn(labels: Any, probabilities: Any, bins: int, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        reliability_diagram(np.array(labels), np.array(probabilities), bins=bins)
