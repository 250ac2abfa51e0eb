"""Measures against a few lines of numpy and scipy that share nothing with them."""

from __future__ import annotations

from itertools import product

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from multiprot.errors import TransferError
from multiprot.evaluation.tasks.task_type import Target
from multiprot.transfer import MEASURES, Sample, TransferOptions
from multiprot.transfer.labels import classes_of, label_columns, label_sets
from multiprot.transfer.otmtd import scaled_places
from tests.transfer.sets import clustered, with_target

OPTIONS = TransferOptions(bins=4, neighbours=3)


def value(name: str, *samples: Sample, options: TransferOptions = OPTIONS) -> float:
    return MEASURES[name].compute(samples, options).value


@settings(max_examples=8)
@given(n=st.integers(24, 40), m=st.integers(24, 40), seed=st.integers(0, 99))
def test_otdd(n: int, m: int, seed: int) -> None:
    a = clustered("a", n, width=3, seed=seed)
    b = clustered("b", m, width=3, classes=2, seed=seed + 1, shift=0.5)

    def bures(x: np.ndarray, y: np.ndarray) -> float:
        means = ((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum()
        root = sqrtm(np.cov(x.T))
        middle = np.real(np.trace(sqrtm(root @ np.cov(y.T) @ root)))
        return float(means + np.trace(np.cov(x.T)) + np.trace(np.cov(y.T)) - 2 * middle)

    x, y = a.vectors.astype(float), b.vectors.astype(float)
    costs = cdist(x, y, "sqeuclidean")
    assert a.labels is not None
    assert b.labels is not None
    for i, j in product(range(n), range(m)):
        costs[i, j] += bures(x[a.labels == a.labels[i]], y[b.labels == b.labels[j]])
    assert value("otdd", a, b) == pytest.approx(ot.emd2([], [], costs) ** 0.5, rel=1e-5)


def test_otdd_looks_at_the_labels() -> None:
    """Of the same vectors: renamed classes are the same task, shuffled labels another one."""
    a = clustered("a", 60)
    assert a.labels is not None
    renamed = Sample("b", a.vectors, (a.labels + 1) % 3, Target.MULTICLASS)
    assert value("otdd", a, renamed) == pytest.approx(0, abs=1e-3)
    assert value("otmtd", a, renamed) == pytest.approx(0, abs=1e-3)
    shuffled = np.random.default_rng(0).permutation(a.labels)
    other = Sample("b", a.vectors, shuffled, Target.MULTICLASS)
    assert value("otdd", a, other) > 1
    assert value("otmtd", a, other) > 0.3


@settings(max_examples=6)
@given(seed=st.integers(0, 999), width=st.integers(1, 25), noise=st.floats(0.2, 3))
def test_logme_is_the_largest_evidence_on_a_grid(seed: int, width: int, noise: float) -> None:
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((18, width)).astype(np.float32)
    y = x[:, 0] + noise * generator.standard_normal(18)
    z = (y - y.mean()) / y.std()
    values, vectors = np.linalg.eigh(x.astype(float) @ x.T)
    squares = (vectors.T @ z) ** 2
    best = -np.inf
    for log_ratio, log_beta in product(np.linspace(-14, 16, 151), np.linspace(-3, 6, 151)):
        # y has the covariance x xᵀ/α + 1/β with α = ratio · β.
        variances = (values / np.exp(log_ratio) + 1) / np.exp(log_beta)
        logs = np.log(2 * np.pi * variances) + squares / variances
        best = max(best, -0.5 * float(logs.mean()))
    found = value("logme", Sample("t", x, y, Target.REGRESSION))
    # The grid may miss the top by a little, and can only be below it.
    assert best - 1e-6 <= found <= best + 5e-3


@pytest.mark.parametrize("kind", list(Target))
def test_logme_of_several_columns_is_their_mean(kind: Target) -> None:
    sample = with_target(clustered("t", 50), kind)
    columns = label_columns(sample)
    each = [
        value("logme", Sample("t", sample.vectors, column, Target.REGRESSION))
        for column in columns.T
    ]
    if kind is Target.REGRESSION:
        assert value("logme", sample) == pytest.approx(each[0], rel=1e-9)
    else:
        # Columns of 0 and 1 are taken as they are, those of a regression standardised.
        assert set(np.unique(columns)) == {0.0, 1.0}
        assert len(each) == (2 if kind is Target.BINARY else 3)
        assert value("logme", sample) > -np.log(2 * np.pi) / 2 - 0.5 - np.log(0.5)


@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1e-5, 1e5, 1e10, 1e30])
@pytest.mark.parametrize("name", ["logme", "h-score", "leep", "knn-purity", "cka"])
def test_the_unit_of_the_vectors_does_not_matter(name: str, scale: float) -> None:
    a, b = clustered("a"), clustered("b", seed=1)

    def scaled(sample: Sample) -> Sample:
        vectors = (sample.vectors.astype(np.float64) * scale).astype(np.float32)
        return Sample(sample.name, vectors, sample.labels, sample.target)

    given_ = [b] if name in ("logme", "h-score", "knn-purity") else [a, b]
    expected = value(name, *given_)
    assert value(name, *(scaled(sample) for sample in given_)) == pytest.approx(expected, rel=1e-3)


@settings(max_examples=10)
@given(seed=st.integers(0, 99), classes=st.integers(2, 5))
def test_leep(seed: int, classes: int) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    a = clustered("a", 50, classes=classes, seed=seed, spread=1.5)
    b = clustered("b", 44, classes=3, seed=seed + 1, spread=1.5)
    scaler = StandardScaler().fit(a.vectors.astype(float))
    model = LogisticRegression(max_iter=1000).fit(scaler.transform(a.vectors), a.labels)
    theta = model.predict_proba(scaler.transform(b.vectors))
    assert b.labels is not None
    total = 0.0
    for row, label in zip(theta, b.labels, strict=True):
        given_z = theta[b.labels == label].sum(axis=0) / theta.sum(axis=0)
        total += np.log(float(given_z @ row))
    assert value("leep", a, b) == pytest.approx(total / 44, rel=1e-4)
    assert value("leep", a, b) <= 0


def test_leep_is_no_worse_than_the_entropy_of_the_labels() -> None:
    """A source that tells nothing leaves P(y): its LEEP is minus the entropy, a floor."""
    b = clustered("b", 60, classes=4)
    assert b.labels is not None
    shares = np.bincount(b.labels) / 60
    entropy = -(shares * np.log(shares)).sum()
    silent = Sample("a", np.ones((20, 8), np.float32), np.arange(20) % 2, Target.BINARY)
    assert value("leep", silent, b) == pytest.approx(-entropy, rel=1e-6)
    assert value("leep", clustered("a", 60, seed=3), b) > -entropy


@settings(max_examples=10)
@given(seed=st.integers(0, 99), n=st.integers(30, 60))
def test_h_score(seed: int, n: int) -> None:
    from sklearn.covariance import LedoitWolf

    b = clustered("b", n, width=4, seed=seed)
    x = b.vectors.astype(float)
    fitted = LedoitWolf().fit(x)
    assert b.labels is not None
    means = np.array([x[b.labels == k].mean(axis=0) for k in b.labels])
    between = np.cov(means.T, bias=True)
    expected = (1 - fitted.shrinkage_) * np.trace(np.linalg.inv(fitted.covariance_) @ between)
    outcome = MEASURES["h-score"].compute([b], OPTIONS)
    assert outcome.value == pytest.approx(expected, rel=1e-6)
    assert outcome.parts["shrinkage"] == pytest.approx(fitted.shrinkage_)
    assert outcome.value <= min(4, 2)


def test_h_score_of_several_labels_is_the_mean_over_labels() -> None:
    sample = with_target(clustered("t", 60), Target.MULTILABEL)
    assert sample.labels is not None
    each = [
        value("h-score", Sample("t", sample.vectors, column, Target.BINARY))
        for column in sample.labels.T
    ]
    assert value("h-score", sample) == pytest.approx(np.mean(each), rel=1e-9)


@settings(max_examples=10)
@given(seed=st.integers(0, 99), k=st.integers(1, 8))
def test_purity_of_several_labels(seed: int, k: int) -> None:
    sample = with_target(clustered("t", 25, seed=seed), Target.MULTILABEL)
    x = sample.vectors.astype(float)
    near = (cdist(x, x, "cosine") + np.diag(np.full(25, 9.0))).argsort(axis=1)[:, :k]
    assert sample.labels is not None
    sets = [set(np.flatnonzero(row)) for row in sample.labels]
    shared = [
        len(sets[i] & sets[j]) / len(sets[i] | sets[j]) if sets[i] | sets[j] else 1.0
        for i in range(25)
        for j in near[i]
    ]
    outcome = MEASURES["knn-purity"].compute([sample], TransferOptions(neighbours=k))
    assert outcome.value == pytest.approx(np.mean(shared))
    every = [
        len(sets[i] & sets[j]) / len(sets[i] | sets[j]) if sets[i] | sets[j] else 1.0
        for i in range(25)
        for j in range(25)
        if i != j
    ]
    assert outcome.parts["chance"] == pytest.approx(np.mean(every))


def test_purity_is_that_of_chance_where_labels_are_random() -> None:
    x = np.random.default_rng(0).standard_normal((400, 6)).astype(np.float32)
    labels = np.random.default_rng(1).integers(0, 3, 400)
    outcome = MEASURES["knn-purity"].compute([Sample("t", x, labels, Target.MULTICLASS)], OPTIONS)
    assert outcome.value == pytest.approx(outcome.parts["chance"], abs=0.05)


def test_purity_in_blocks_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from multiprot.transfer import purity

    b = clustered("b", 50)
    expected = value("knn-purity", b)
    monkeypatch.setattr(purity, "_AT_ONCE", 7)
    assert value("knn-purity", b) == expected


@settings(max_examples=15)
@given(n=st.integers(10, 30), p=st.integers(1, 40), q=st.integers(1, 40), seed=st.integers(0, 99))
def test_cka(n: int, p: int, q: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((n, p)).astype(np.float32)
    y = np.tanh(x[:, :1]) + generator.standard_normal((n, q)).astype(np.float32)
    a, b = x - x.mean(axis=0, dtype=float), y - y.mean(axis=0, dtype=float)
    gram = [a @ a.T, b @ b.T]
    expected = np.vdot(*gram) / np.linalg.norm(gram[0]) / np.linalg.norm(gram[1])
    found = value("cka", Sample("x", x), Sample("y", y))
    assert found == pytest.approx(expected, rel=1e-6)
    assert 0 <= found <= 1 + 1e-12


@settings(max_examples=30)
@given(
    values=st.lists(st.integers(-5, 5), min_size=10, max_size=40).filter(lambda v: len({*v}) > 1),
    bins=st.integers(2, 12),
)
def test_numbers_are_cut_at_their_quantiles(values: list[int], bins: int) -> None:
    """Classes follow the order of the numbers, equal numbers stay together."""
    labels = np.array(values, float)
    vectors = np.ones((len(values), 1), np.float32)
    sample = Sample("t", vectors, labels, Target.REGRESSION)
    if np.quantile(labels, 1 / bins) == labels.max():
        # Nearly all are equal, and so is every quantile.
        with pytest.raises(TransferError, match="of one class"):
            classes_of(sample, bins)
        return
    classes = classes_of(sample, bins)
    assert sorted(set(classes)) == list(range(classes.max() + 1))
    assert classes.max() < bins
    order = np.argsort(labels, kind="stable")
    assert (np.diff(classes[order]) >= 0).all()
    for number in set(values):
        assert len(set(classes[labels == number])) == 1


def test_labels_that_tell_nothing_are_left_out() -> None:
    columns = np.zeros((12, 4), bool)
    columns[:, 1] = True
    columns[:5, 2] = True
    sample = Sample("t", np.ones((12, 1), np.float32), columns, Target.MULTILABEL)
    np.testing.assert_array_equal(label_sets(sample), columns[:, 2:3])
    assert label_columns(sample).shape == (12, 1)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_places_of_classes_do_not_depend_on_the_unit(unit: float) -> None:
    """Of distances that no points have, so that the search has something to do."""
    generator = np.random.default_rng(2)
    distances = generator.uniform(1, 2, (14, 14))
    distances = (distances + distances.T) * (1 - np.eye(14))
    expected = scaled_places(distances)
    np.testing.assert_allclose(scaled_places(distances * unit) / unit, expected, atol=1e-6)
    error = np.abs(cdist(expected, expected) - distances)
    assert error.max() < 0.6
