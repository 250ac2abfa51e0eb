"""The best linear map, measured where it was not fitted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.linear_model import Ridge

from multiprot.errors import FidelityError
from multiprot.fidelity import mapping
from multiprot.fidelity.mapping import halves, mapped_cosines

DRAWN = np.random.default_rng(0)


def test_a_rotated_copy_is_foretold() -> None:
    x = DRAWN.normal(size=(80, 6)).astype(np.float32)
    copy = x @ ortho_group.rvs(6, random_state=1) + 3
    for teacher in (x, copy):
        found = mapped_cosines(x, teacher, halves(80))
        assert found.centred.min() > 1 - 1e-6
        assert found.plain.min() > 1 - 1e-6


def test_independent_vectors_are_not() -> None:
    student, teacher = DRAWN.normal(size=(400, 8)), 20 + DRAWN.normal(size=(400, 5))
    found = mapped_cosines(student, teacher, halves(400))
    assert abs(found.centred.mean()) < 0.15
    # A common mean flatters the plain cosine, and says so itself.
    assert found.plain.mean() > 0.99
    assert found.mean_alone.mean() == pytest.approx(found.plain.mean(), abs=1e-3)


def test_no_row_is_foretold_by_a_map_that_saw_it() -> None:
    student, teacher = DRAWN.normal(size=(40, 30)), DRAWN.normal(size=(40, 4))
    half = halves(40)
    before = mapped_cosines(student, teacher, half)
    changed = teacher.copy()
    changed[half] += DRAWN.normal(size=changed[half].shape)
    after = mapped_cosines(student, changed, half)
    # Other truths in the first half: the second half's map is another, the first half's is not.
    foretold = mapping._fitted(student[~half], teacher[~half]).centred(student[half])
    again = mapping._fitted(student[~half], changed[~half]).centred(student[half])
    assert np.array_equal(foretold, again)
    assert not np.allclose(before.centred[~half], after.centred[~half])


def test_the_map_is_a_ridge_regression_whose_penalty_is_best_on_rows_left_out() -> None:
    x = DRAWN.normal(size=(25, 5)) * [5, 1, 1, 0.1, 0.01]
    y = x @ DRAWN.normal(size=(5, 3)) + DRAWN.normal(size=(25, 3))
    scale = float(np.square(np.linalg.svd(x - x.mean(axis=0))[1]).mean())

    def left_out_error(penalty: float) -> float:
        total = 0.0
        for row in range(25):
            rest = np.arange(25) != row
            # The mean is of all rows, as in Allen's formula; the penalty is not on the intercept.
            fitted = Ridge(alpha=penalty).fit(x[rest], y[rest])
            total += float(np.square(fitted.predict(x[[row]]) - y[row]).sum())
        return total

    penalties = [scale * each for each in mapping._PENALTIES]
    best = min(penalties, key=left_out_error)
    expected = Ridge(alpha=best).fit(x, y)
    found = mapping._fitted(x, y)
    assert found.centred(x) + y.mean(axis=0) == pytest.approx(expected.predict(x), abs=1e-8)


def test_halves_are_halves_and_always_the_same() -> None:
    assert [int(halves(n).sum()) for n in (4, 9)] == [2, 4]
    assert np.array_equal(halves(31), halves(31))


def test_what_cannot_be_mapped_says_so() -> None:
    with pytest.raises(FidelityError, match="1 rows are too few"):
        mapped_cosines(np.eye(2), np.eye(2), np.array([True, False]))
    with pytest.raises(FidelityError, match="all 3 vectors of the student are equal"):
        mapped_cosines(np.ones((6, 2)), DRAWN.normal(size=(6, 2)), halves(6))
