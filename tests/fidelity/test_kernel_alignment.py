"""Debiased linear CKA against its definition, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group

from multiprot.errors import FidelityError
from multiprot.fidelity.kernel_alignment import kernel_alignment

DRAWN = np.random.default_rng(0)


def by_definition(x: np.ndarray, y: np.ndarray) -> float:
    """Song et al. 2012, equation 5, on the matrices of all pairs."""

    def dependence(k: np.ndarray, m: np.ndarray) -> float:
        n = len(k)
        k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
        both = k.sum() * m.sum() / ((n - 1) * (n - 2))
        return float((np.trace(k @ m) + both - 2 / (n - 2) * (k @ m).sum()) / (n * (n - 3)))

    k, m = x @ x.T, y @ y.T
    return dependence(k, m) / float(np.sqrt(dependence(k, k) * dependence(m, m)))


@pytest.mark.parametrize("proteins", [4, 7, 30])
def test_it_is_what_the_definition_says(proteins: int) -> None:
    x, y = DRAWN.normal(size=(proteins, 5)), DRAWN.normal(size=(proteins, 3))
    y[:, 0] += x[:, 0]
    assert kernel_alignment(x, y) == pytest.approx(by_definition(x, y), rel=1e-9)


def test_a_rotated_scaled_and_shifted_copy_is_the_same() -> None:
    x = DRAWN.normal(size=(50, 8)).astype(np.float32)
    copy = 7.0 * x @ ortho_group.rvs(8, random_state=1) + 100.0
    assert kernel_alignment(x, x) == pytest.approx(1.0, abs=1e-9)
    assert kernel_alignment(x, copy) == pytest.approx(1.0, abs=1e-6)
    assert kernel_alignment(1e-6 * x, 1e6 * x) == pytest.approx(1.0, abs=1e-6)


def test_wide_independent_vectors_have_none() -> None:
    # The plain estimate would be near 1 here: there are more channels than proteins.
    x, y = DRAWN.normal(size=(60, 400)), DRAWN.normal(size=(60, 300))
    assert abs(kernel_alignment(x, y)) < 0.1


def test_what_has_no_alignment_says_so() -> None:
    with pytest.raises(FidelityError, match="3 proteins"):
        kernel_alignment(np.eye(3), np.eye(3))
    with pytest.raises(FidelityError, match="do not differ"):
        kernel_alignment(np.ones((9, 4)), DRAWN.normal(size=(9, 4)))
