"""Bures-Wasserstein distance against its formula with matrix roots, and POT."""

from __future__ import annotations

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from multiprot.optimal_transport import Gaussian, squared_bures_wasserstein
from multiprot.optimal_transport.gaussians import squared_distances


def rows(n: int, seed: int, width: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, width)) * (1 + seed) + seed


def by_roots(x: np.ndarray, y: np.ndarray) -> float:
    a, b = np.cov(x.T), np.cov(y.T)
    root = sqrtm(a)
    cross = np.trace(a + b - 2 * np.real(sqrtm(root @ b @ root)))
    return float(((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum() + cross)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(6, 20), m=st.integers(6, 20), seed=st.integers(0, 20))
def test_equal_to_the_formula_with_roots(n: int, m: int, seed: int) -> None:
    x, y = rows(n, seed), rows(m, seed + 1)
    found = squared_bures_wasserstein(Gaussian.of(x), Gaussian.of(y))
    assert found == pytest.approx(by_roots(x, y), rel=1e-6)


def test_equal_to_pot() -> None:
    x, y = rows(30, 0), rows(40, 1)
    expected = ot.gaussian.bures_wasserstein_distance(
        x.mean(axis=0), y.mean(axis=0), np.cov(x.T), np.cov(y.T)
    )
    found = squared_bures_wasserstein(Gaussian.of(x), Gaussian.of(y))
    assert found**0.5 == pytest.approx(expected, rel=1e-9)


def test_fewer_proteins_than_channels() -> None:
    x, y = rows(3, 0, width=50), rows(4, 1, width=50)
    found = squared_bures_wasserstein(Gaussian.of(x), Gaussian.of(y))
    # Both lie in a space of few dimensions, where the covariances have full rank.
    basis = np.linalg.qr(np.vstack([x, y]).T)[0]
    assert found == pytest.approx(
        squared_bures_wasserstein(Gaussian.of(x @ basis), Gaussian.of(y @ basis)), rel=1e-9
    )
    assert Gaussian.of(rows(200, 0)).factor.shape == (4, 4)


def test_points_are_as_far_as_they_lie() -> None:
    x, y = rows(1, 0), rows(1, 1)
    found = squared_bures_wasserstein(Gaussian.of(x), Gaussian.of(y))
    assert found == pytest.approx(((x - y) ** 2).sum())


def test_a_set_is_no_distance_from_itself() -> None:
    gaussians = [Gaussian.of(rows(9, seed)) for seed in range(3)]
    between = squared_distances(gaussians, gaussians)
    np.testing.assert_allclose(np.diag(between), 0, atol=1e-9)
    np.testing.assert_allclose(between, between.T)
