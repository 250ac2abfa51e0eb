"""Nearest neighbours, against all pairs."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from multiprot.evaluation.probes import Rows
from multiprot.evaluation.probes.neighbours import NEIGHBOURS, NeighbourPath
from multiprot.evaluation.probes.workers import fixed_order
from multiprot.evaluation.tasks.task_type import Target
from tests.evaluation.probes.problems import make


@given(rows=st.integers(10, 80), seed=st.integers(0, 2**32 - 1), twins=st.booleans())
@settings(deadline=None, max_examples=30)
@example(rows=38, seed=38, twins=False)
def test_votes_are_those_of_a_comparison_of_all_pairs(rows: int, seed: int, twins: bool) -> None:
    training, problem = make(Target.REGRESSION, rows, 5, seed)
    if twins:
        training = training.part(np.arange(rows) // 2)
    queries = make(Target.REGRESSION, 20, 5, seed + 1)[0].features
    queries[:5] = training.features[:5]
    mean, deviation = training.features.mean(axis=0), training.features.std(axis=0)
    ours, theirs = (
        ((f - mean) / deviation).astype(np.float64) for f in (queries, training.features)
    )
    ours /= np.linalg.norm(ours, axis=1, keepdims=True)
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    cosines = ours @ theirs.T
    with fixed_order() as workers:
        path = NeighbourPath(problem, workers)
        for number, (_, found) in zip(NEIGHBOURS, path.along(training, queries), strict=True):
            order = np.argsort(-cosines.round(5), axis=1, kind="stable")[:, :number]
            votes = np.maximum(np.take_along_axis(cosines, order, axis=1), 1e-6)
            expected = (votes * training.labels[order]).sum(axis=1) / votes.sum(axis=1)
            # Where the last neighbour and the next are all but equally near, rounding chooses.
            ranked = -np.sort(-cosines, axis=1)
            gap = (ranked[:, number - 1] - ranked[:, number]) if number < cosines.shape[1] else 1.0
            sure = (gap < 1e-9) | (gap > 1e-4) & np.ones(len(cosines), dtype=bool)
            np.testing.assert_allclose(found[sure], expected[sure], atol=1e-4)
            again = path.model(training, number).predict(queries, workers)
            np.testing.assert_allclose(again, found, rtol=1e-12)


def test_the_earlier_of_equal_rows_is_nearer() -> None:
    rng = np.random.default_rng(0)
    features = np.repeat(rng.standard_normal((12, 40)), 3, axis=0).astype(np.float32)
    training = Rows(features, np.arange(36.0))
    _, problem = make(Target.REGRESSION)
    with fixed_order() as workers:
        model = NeighbourPath(problem, workers).model(training, 3)
        rows, cosines = model.nearest(features, 3, workers)
    np.testing.assert_array_equal(rows, 3 * (np.arange(36) // 3)[:, None] + np.arange(3))
    np.testing.assert_allclose(cosines, 1, atol=1e-6)


def test_a_row_at_the_centre_has_a_prediction() -> None:
    training, problem = make(Target.MULTICLASS)
    centre = training.features.mean(axis=0, keepdims=True)
    with fixed_order() as workers:
        found = NeighbourPath(problem, workers).model(training, 10).predict(centre, workers)
    np.testing.assert_allclose(found.sum(axis=1), 1)


@given(seed=st.integers(0, 2**32 - 1), target=st.sampled_from([Target.BINARY, Target.MULTICLASS]))
@settings(max_examples=20)
def test_votes_are_probabilities_to_the_last_bit(seed: int, target: Target) -> None:
    """Weights that sum to 1 but for a rounding error must not give more than 1."""
    training, problem = make(target, 60, 4, seed)
    with fixed_order() as workers:
        for _, found in NeighbourPath(problem, workers).along(training, training.features):
            assert found.min() >= 0
            assert found.max() <= 1
