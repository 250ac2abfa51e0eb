"""Holm's correction is his procedure, and seeds are a sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import EvaluationError
from multiprot.evaluation.statistics import holm, over_seeds

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def _step_down(p_values: list[float], level: float) -> list[bool]:
    """Which hypotheses Holm's procedure rejects: the smallest first, until one stands."""
    rejected = [False] * len(p_values)
    for step, index in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[index] * (len(p_values) - step) > level:
            break
        rejected[index] = True
    return rejected


@given(p_values=probabilities, level=st.sampled_from([0.01, 0.05, 0.2, 0.7]))
def test_corrected_values_reject_what_the_procedure_rejects(
    p_values: list[float], level: float
) -> None:
    assert (holm(p_values) <= level).tolist() == _step_down(p_values, level)


@given(p_values=probabilities)
def test_holm_keeps_the_order_and_only_raises(p_values: list[float]) -> None:
    corrected = holm(p_values)
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(corrected[order]) >= 0).all()
    assert (corrected >= p_values).all()
    assert (corrected <= 1).all()


def test_of_no_comparison_nothing_is_corrected() -> None:
    assert holm([]).tolist() == []


@pytest.mark.parametrize("wrong", [float("nan"), -0.1, 1.5])
def test_holm_refuses_what_is_no_p_value(wrong: float) -> None:
    with pytest.raises(EvaluationError, match="is no p-value"):
        holm([0.1, wrong])


def test_seeds_are_a_sample() -> None:
    assert over_seeds([1.0, 2.0, 3.0]) == (2.0, 1.0, 3)
    mean, spread, seeds = over_seeds([0.5])
    assert (mean, seeds) == (0.5, 1)
    assert np.isnan(spread)
    with pytest.raises(EvaluationError, match="no seed"):
        over_seeds([])
