"""Every measure on arrays of any make and on sets at the edge of what has a value."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from multiprot.errors import TransferError
from multiprot.evaluation.tasks.task_type import Target
from multiprot.transfer import MEASURES, Sample, Takes, TransferOptions, estimate
from tests.transfer.sets import clustered

QUICK = TransferOptions(replicates=0, neighbours=3, bins=3, directions=20)
A = clustered("a", 30)
B = clustered("b", 30, shift=0.4, seed=1)


def given(name: str, change: Callable[[np.ndarray], np.ndarray] = lambda v: v) -> list[Sample]:
    samples = [Sample(s.name, change(s.vectors), s.labels, s.target) for s in (A, B)]
    return samples[1:] if MEASURES[name].takes is Takes.ONE_SET else samples


def value(name: str, samples: list[Sample], options: TransferOptions = QUICK) -> float:
    return estimate(MEASURES[name], samples, options).value


def locked(vectors: np.ndarray) -> np.ndarray:
    copy = vectors.copy()
    copy.flags.writeable = False
    return copy


MADE = {
    "Fortran order": np.asfortranarray,
    "every second row": lambda v: np.repeat(v, 2, axis=0)[::2],
    "part of the columns": lambda v: np.hstack([v, v])[:, : v.shape[1]],
    "read only": locked,
    "other byte order": lambda v: v.astype(">f4"),
    "double": lambda v: v.astype(np.float64),
}


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("name", MEASURES)
def test_how_an_array_lies_in_memory_does_not_matter(name: str, made: str) -> None:
    expected = value(name, given(name))
    samples = given(name, MADE[made])
    before = [s.vectors.copy() for s in samples]
    assert value(name, samples) == pytest.approx(expected, rel=1e-5)
    for sample, vectors in zip(samples, before, strict=True):
        np.testing.assert_array_equal(sample.vectors, vectors)


@pytest.mark.parametrize("name", MEASURES)
def test_half_precision_is_counted_in_double(name: str) -> None:
    """Sums of float16 overflow at 65,504."""

    def half(vectors: np.ndarray) -> np.ndarray:
        return (vectors * 2000).astype(np.float16)

    expected = value(name, given(name, lambda v: half(v).astype(np.float32)))
    assert value(name, given(name, half)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", [n for n in MEASURES if n != "cka"])
@pytest.mark.parametrize("case", ["one channel", "one vector", "ten proteins"])
@pytest.mark.filterwarnings("error")
def test_small_sets_have_a_value_in_its_range(name: str, case: str) -> None:
    change = {
        "one channel": lambda s: Sample(s.name, s.vectors[:, :1], s.labels, s.target),
        "one vector": lambda s: Sample(s.name, np.tile(s.vectors[:1], (30, 1)), s.labels, s.target),
        "ten proteins": lambda s: s.take(np.arange(10)),
    }[case]
    found = value(name, [change(sample) for sample in given(name)])
    assert np.isfinite(found)
    assert MEASURES[name].least - 1e-9 <= found <= MEASURES[name].most + 1e-9


@pytest.mark.parametrize("name", ["wasserstein", "sinkhorn", "sliced-wasserstein", "otdd", "otmtd"])
def test_a_set_is_no_distance_from_itself(name: str) -> None:
    """Exactly 0 or above it, however the solver rounds."""
    twin = Sample("twin", A.vectors[::-1].copy(), A.labels[::-1], A.target)  # type: ignore[index]
    found = value(name, [A, twin], TransferOptions(replicates=0, n=30))
    assert 0 <= found < 2e-3


@pytest.mark.parametrize("sizes", [(10, 40), (40, 10), (11, 13), (30, 30)])
def test_sets_of_different_sizes(sizes: tuple[int, int]) -> None:
    options = TransferOptions(replicates=2, n=35, directions=10, neighbours=3)
    for name in ("wasserstein", "otfrm", "sinkhorn", "sliced-wasserstein", "otdd", "leep"):
        samples = [clustered(n, size, seed=size) for n, size in zip("ab", sizes, strict=True)]
        found = estimate(MEASURES[name], samples, options)
        assert found.proteins == (min(sizes[0], 35), min(sizes[1], 35))
        assert np.isfinite(found.value)


def test_labels_of_one_protein_each() -> None:
    """Each class is a point: nothing to average, and nobody shares a label."""
    labels = np.arange(30)
    lonely = [Sample(s.name, s.vectors, labels, Target.MULTICLASS) for s in (A, B)]
    assert value("knn-purity", lonely[1:]) == 0
    assert value("otdd", lonely) > value("otdd", [A, B]) / 2
    for name in ("otmtd", "logme", "h-score", "leep"):
        samples = lonely[1:] if MEASURES[name].takes is Takes.ONE_SET else lonely
        assert np.isfinite(value(name, samples))


def test_numbers_that_are_nearly_equal_still_count() -> None:
    """A target of 1e9 that varies by 1 is no constant; one that varies by rounding is."""
    wave = np.sin(np.arange(30.0))
    shifted = Sample("t", B.vectors, 1e9 + wave, Target.REGRESSION)
    plain = Sample("t", B.vectors, wave, Target.REGRESSION)
    assert value("logme", [shifted]) == pytest.approx(value("logme", [plain]), rel=1e-4)
    flat = Sample("t", B.vectors, np.full(30, 1e9) + 1e-6 * wave, Target.REGRESSION)
    with pytest.raises(TransferError, match="nothing to predict"):
        value("logme", [flat])
