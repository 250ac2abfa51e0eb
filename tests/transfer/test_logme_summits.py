"""LogME where the evidence has more than one summit, and where its best ratio lies at an end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.evaluation.tasks.task_type import Target
from multiprot.transfer import Sample, TransferOptions, estimate, measure_named

OPTIONS = TransferOptions(n=50_000, replicates=0)


def logme(vectors: np.ndarray, labels: np.ndarray, target: Target = Target.REGRESSION) -> float:
    sample = Sample("t", vectors.astype(np.float32), labels, target)
    return estimate(measure_named("logme"), [sample], OPTIONS).value


def centred(vectors: np.ndarray) -> np.ndarray:
    """The model has no constant of its own, and labels are centred."""
    return (vectors - vectors.mean(axis=0)).astype(np.float32)


def evidence_of_noise(labels: np.ndarray) -> float:
    """Log evidence by protein if the vectors explain nothing: standardised labels are noise."""
    return float(-0.5 * (np.log(2 * np.pi * labels.var() / labels.var()) + 1))


def test_the_higher_of_two_summits_is_taken() -> None:
    """Found by a search: the paper's iteration stops at the lower one, 0.015 below."""
    generator = np.random.default_rng(592)
    x = generator.standard_normal((18, 25)).astype(np.float32)
    y = x[:, 0] + generator.standard_normal(18)
    z = (y - y.mean()) / y.std()
    values, vectors = np.linalg.eigh(x.astype(float) @ x.T)
    squares = (vectors.T @ z) ** 2

    def log_evidence(log_ratio: float, log_beta: float) -> float:
        variances = (values / np.exp(log_ratio) + 1) / np.exp(log_beta)
        return float(-0.5 * (np.log(2 * np.pi * variances) + squares / variances).mean())

    best = max(
        log_evidence(r, b) for r in np.linspace(-12, 16, 120) for b in np.linspace(-3, 6, 120)
    )
    assert best - 1e-6 <= logme(x, y) <= best + 5e-3


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), width=st.integers(1, 30))
def test_labels_that_are_noise_are_told_as_noise_or_better(seed: int, width: int) -> None:
    """The model may always say that the vectors explain nothing."""
    generator = np.random.default_rng(seed)
    x, y = generator.standard_normal((40, width)), generator.standard_normal(40)
    assert logme(x, y) >= evidence_of_noise(y) - 1e-6


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), noise=st.sampled_from([1e-3, 0.1, 1.0]))
def test_less_noise_is_more_evidence(seed: int, noise: float) -> None:
    generator = np.random.default_rng(seed)
    x = centred(generator.standard_normal((60, 5)))
    clean, error = x @ generator.standard_normal(5), generator.standard_normal(60)
    assert logme(x, clean + noise * error) > logme(x, clean + 10 * noise * error)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([1e-6, 1e-2, 1.0, 1e3, 1e6]),
    shift=st.floats(-5, 5),
)
def test_units_of_vectors_and_labels_do_not_matter(seed: int, scale: float, shift: float) -> None:
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((40, 6)).astype(np.float32)
    y = x[:, 0] + 0.3 * generator.standard_normal(40)
    expected = logme(x, y)
    assert logme(x * np.float32(scale), y) == pytest.approx(expected, abs=1e-4)
    assert logme(x, scale * y + shift * scale) == pytest.approx(expected, abs=1e-4)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_rotations_and_the_order_of_proteins_do_not_matter(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((40, 6))
    y = x[:, 0] + 0.3 * generator.standard_normal(40)
    turn = np.linalg.qr(generator.standard_normal((6, 6)))[0]
    order = generator.permutation(40)
    expected = logme(x, y)
    assert logme(x @ turn, y) == pytest.approx(expected, abs=1e-4)
    assert logme(x[order], y[order]) == pytest.approx(expected, abs=1e-4)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(2, 5))
def test_vectors_that_tell_classes_have_more_evidence_than_others(seed: int, classes: int) -> None:
    generator = np.random.default_rng(seed)
    labels = np.arange(60) % classes
    centres = 4 * generator.standard_normal((classes, 8))
    tells = centres[labels] + generator.standard_normal((60, 8))
    other = generator.permutation(tells)
    assert logme(tells, labels, Target.MULTICLASS) > logme(other, labels, Target.MULTICLASS)


def test_labels_without_noise_have_a_finite_evidence() -> None:
    """The best ratio is 0, and its β without bound."""
    generator = np.random.default_rng(0)
    x = centred(generator.standard_normal((50, 4)))
    found = logme(x, x @ np.array([1.0, -2.0, 0.5, 0.0]))
    assert np.isfinite(found)
    assert found > 5


def test_a_constant_beside_the_vectors_is_not_explained() -> None:
    """As in the paper the model has no constant: vectors far from their mean explain less."""
    generator = np.random.default_rng(1)
    x = centred(generator.standard_normal((50, 4)))
    y = x @ np.array([1.0, -2.0, 0.5, 0.0])
    assert logme(x, y) > logme(x + np.float32(3), y)


@pytest.mark.parametrize("copies", [2, 4])
def test_repeated_channels_change_little(copies: int) -> None:
    """They span the same space; only the prior's share of each direction changes."""
    generator = np.random.default_rng(2)
    x = centred(generator.standard_normal((200, 5)))
    y = x[:, 0] + 0.5 * generator.standard_normal(200)
    assert logme(np.tile(x, copies), y) == pytest.approx(logme(x, y), abs=1e-4)


def test_a_channel_of_zeros_changes_nothing() -> None:
    generator = np.random.default_rng(3)
    x = centred(generator.standard_normal((80, 5)))
    y = x[:, 0] + 0.5 * generator.standard_normal(80)
    wider = np.concatenate([x, np.zeros((80, 3), dtype=np.float32)], axis=1)
    assert logme(wider, y) == pytest.approx(logme(x, y), abs=1e-6)


def test_a_useful_channel_more_is_more_evidence() -> None:
    generator = np.random.default_rng(4)
    x = centred(generator.standard_normal((80, 6)))
    y = x[:, 0] + x[:, 5] + 0.2 * generator.standard_normal(80)
    assert logme(x, y) > logme(x[:, :5], y)
