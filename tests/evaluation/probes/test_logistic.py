"""Logistic regression, against scikit-learn's and against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from multiprot.evaluation.probes import Rows, directions, logistic
from multiprot.evaluation.probes.directions import Directions
from multiprot.evaluation.probes.logistic import LogisticLoss, LogisticPath
from multiprot.evaluation.probes.scaling import Scaler
from multiprot.evaluation.probes.workers import fixed_order
from multiprot.evaluation.tasks.task_type import Target
from tests.evaluation.probes.problems import make

TARGETS = (Target.BINARY, Target.MULTICLASS, Target.MULTILABEL)
SHAPES = ((300, 6), (40, 90), (2500, 12))


def reference(training: Rows, target: Target, penalty: float) -> NDArray[np.float64]:
    """Probabilities that scikit-learn finds for the training rows themselves."""
    scaled = StandardScaler().fit_transform(training.features.astype(np.float64))
    model = LogisticRegression(C=1 / (penalty * len(training)), tol=1e-8, max_iter=5000)
    if target is Target.MULTILABEL:
        found = [model.fit(scaled, y).predict_proba(scaled)[:, 1] for y in training.labels.T]
        return np.column_stack(found)
    probabilities: NDArray[Any] = model.fit(scaled, training.labels).predict_proba(scaled)
    return probabilities[:, 1] if target is Target.BINARY else probabilities


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("rows", "width"), SHAPES)
def test_it_is_scikit_learns_regression_of_standardised_channels(
    target: Target, rows: int, width: int
) -> None:
    training, problem = make(target, rows, width)
    with fixed_order() as workers:
        path = LogisticPath(problem, workers)
        found = [predicted for _, predicted in path.along(training, training.features)]
    for penalty in (1.0, 0.1, 0.01):
        expected = reference(training, target, penalty)
        np.testing.assert_allclose(found[path.settings.index(penalty)], expected, atol=0.01)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("sparse", [False, True])
def test_channels_that_are_not_turned_lead_to_the_same_model(
    target: Target, sparse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, problem = make(target, 300)
    if sparse:
        # Exact in float32 whichever way they are shifted.
        kept = np.where(training.features > 5, 1, 0).astype(np.float32)
        training = Rows(csr_array(kept), training.labels)
    with fixed_order() as workers:
        path = LogisticPath(problem, workers)
        turned = path.model(training, 0.01).predict(training.features, workers)
        monkeypatch.setattr(directions, "MOST_DIRECTIONS", 2)
        plain = path.model(training, 0.01).predict(training.features, workers)
    np.testing.assert_allclose(plain, turned, atol=0.01)


def test_labels_in_portions_are_learnt_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    training, problem = make(Target.MULTILABEL, 200)
    with fixed_order() as workers:
        whole = LogisticPath(problem, workers).model(training, 0.01)
        monkeypatch.setattr(logistic, "LABELS_AT_ONCE", 3)
        parts = LogisticPath(problem, workers).model(training, 0.01)
        expected = whole.predict(training.features, workers)
        np.testing.assert_allclose(parts.predict(training.features, workers), expected, atol=0.01)


@pytest.mark.parametrize("exclusive", [False, True])
def test_the_slope_is_that_of_the_loss(exclusive: bool) -> None:
    training, _ = make(Target.MULTICLASS, 60, 3)
    columns = training.labels[:, None] == np.arange(4)
    rng = np.random.default_rng(0)
    with fixed_order() as workers:
        scaler = Scaler.of(training.features)
        turned = Directions.of(training.features, scaler, workers)
        loss = LogisticLoss(turned, columns, exclusive)
        weights = rng.standard_normal(loss.start().shape)
        _, slope = loss.loss(weights, 0.3, workers)
        for place in np.ndindex(weights.shape):
            step = np.zeros_like(weights)
            step[place] = 1e-2
            above, below = (loss.loss(weights + s, 0.3, workers)[0] for s in (step, -step))
            assert slope[place] == pytest.approx((above - below) / 2e-2, abs=2e-3)


@pytest.mark.parametrize("exclusive", [False, True])
def test_it_starts_from_the_shares_of_the_classes(exclusive: bool) -> None:
    training, _ = make(Target.MULTICLASS, 300)
    columns = training.labels[:, None] == np.arange(4)
    with fixed_order() as workers:
        turned = Directions.of(training.features, Scaler.of(training.features), workers)
        loss = LogisticLoss(turned, columns, exclusive)
        _, slope = loss.loss(loss.start(), 0.0, workers)
    np.testing.assert_allclose(slope[-1], 0, atol=1e-6)


def test_separable_classes_stay_finite() -> None:
    features = np.concatenate([np.zeros((50, 2)), np.ones((50, 2)) * 1e6]).astype(np.float32)
    labels = np.repeat([0, 1], 50)
    _, problem = make(Target.BINARY)
    with fixed_order() as workers:
        path = LogisticPath(problem, workers)
        for _, predicted in path.along(Rows(features, labels), features):
            assert np.isfinite(predicted).all()
            assert ((predicted > 0.5) == labels).all()
