"""Two proteins make one vector, whichever is named first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array, issparse

from multiprot.errors import EvaluationError
from multiprot.evaluation.baselines import pair_features


def test_the_order_of_two_proteins_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 7, 5)).astype(np.float32)
    found = pair_features(a, b)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, pair_features(b, a))
    np.testing.assert_array_equal(found[:, :5], a + b)
    np.testing.assert_array_equal(found[:, 5:10], a * b)
    np.testing.assert_array_equal(found[:, 10:], np.abs(a - b))


def test_sparse_pairs_equal_dense_ones() -> None:
    rng = np.random.default_rng(1)
    a, b = (rng.random((2, 9, 6)) < 0.3).astype(np.float32)
    found: Any = pair_features(csr_array(a), csr_array(b))
    assert issparse(found)
    np.testing.assert_array_equal(found.toarray(), pair_features(a, b))


def test_vectors_of_two_models_do_not_pair() -> None:
    with pytest.raises(EvaluationError, match=r"\(3, 4\) and \(3, 5\)"):
        pair_features(np.zeros((3, 4), np.float32), np.zeros((3, 5), np.float32))
