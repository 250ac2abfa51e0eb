"""Ridge regression, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from multiprot.evaluation.probes import Rows
from multiprot.evaluation.probes.ridge import PENALTIES, RidgePath
from multiprot.evaluation.probes.workers import fixed_order
from multiprot.evaluation.tasks.task_type import Target
from tests.evaluation.probes.problems import make


@given(
    rows=st.integers(10, 60),
    width=st.integers(1, 90),
    seed=st.integers(0, 2**32 - 1),
    sparse=st.booleans(),
)
@settings(deadline=None, max_examples=20)
def test_it_is_scikit_learns_ridge_of_standardised_channels(
    rows: int, width: int, seed: int, sparse: bool
) -> None:
    training, problem = make(Target.REGRESSION, rows, width, seed)
    if sparse:
        training = Rows(np.where(training.features > 5, training.features, 0), training.labels)
    given_rows = Rows(csr_array(training.features), training.labels) if sparse else training
    with fixed_order() as workers:
        path = RidgePath(problem, workers)
        found = [predicted for _, predicted in path.along(given_rows, given_rows.features)]
        once = path.model(given_rows, PENALTIES[8]).predict(given_rows.features, workers)
    varying = np.ptp(training.features, axis=0) > 0
    scaled = StandardScaler().fit_transform(training.features[:, varying].astype(np.float64))
    for penalty, predicted in zip(PENALTIES, found, strict=True):
        reference = Ridge(alpha=penalty * rows, solver="svd").fit(scaled, training.labels)
        spread = np.ptp(training.labels)
        np.testing.assert_allclose(predicted, reference.predict(scaled), atol=2e-3 * spread)
    np.testing.assert_array_equal(once, found[8])


def test_penalties_fall_and_are_round() -> None:
    assert list(PENALTIES) == sorted(PENALTIES, reverse=True)
    assert (PENALTIES[0], PENALTIES[6], PENALTIES[-1]) == (1000, 1, 1e-5)


def test_several_blocks_of_rows_add_up() -> None:
    training, problem = make(Target.REGRESSION, 5000, 5)
    with fixed_order() as workers:
        model = RidgePath(problem, workers).model(training, 0.1)
    scaler = StandardScaler().fit(training.features.astype(np.float64))
    scaled = scaler.transform(training.features.astype(np.float64))
    reference = Ridge(alpha=500).fit(scaled, training.labels)
    np.testing.assert_allclose(model.weights[:, 0], reference.coef_ / scaler.scale_, rtol=1e-5)
    centre = reference.intercept_ - scaler.mean_ @ (reference.coef_ / scaler.scale_)
    assert model.intercepts[0] == pytest.approx(centre, abs=1e-4)
