"""Each measure against an independent few lines, and what it promises of itself."""

from __future__ import annotations

from itertools import product

import numpy as np
import ot
import pytest
from scipy.linalg import sqrtm
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.stats import multivariate_normal

from multiprot.errors import TransferError
from multiprot.evaluation.tasks.task_type import Target
from multiprot.transfer import (
    MEASURES,
    Labels,
    Sample,
    Takes,
    TransferOptions,
    measure_named,
)
from multiprot.transfer.leep import leep_score
from multiprot.transfer.otmtd import reference_points, scaled_places, task_embedding
from tests.transfer.sets import clustered, with_target

OPTIONS = TransferOptions(bins=4, neighbours=3)
A = clustered("a", 40)
B = clustered("b", 36, shift=0.5, seed=1)


def given(name: str, a: Sample = A, b: Sample = B) -> list[Sample]:
    takes = MEASURES[name].takes
    if takes is Takes.ONE_SET:
        return [b]
    if takes is Takes.PAIRED_ROWS:
        return [a, Sample("again", a.vectors[:, :5] ** 3)]
    return [a, b]


def value(name: str, samples: list[Sample]) -> float:
    MEASURES[name].check(samples)
    return MEASURES[name].compute(samples, OPTIONS).value


@pytest.mark.parametrize("name", MEASURES)
def test_values_lie_in_the_declared_range(name: str) -> None:
    measure = MEASURES[name]
    assert measure.least <= value(name, given(name)) <= measure.most


@pytest.mark.parametrize("name", MEASURES)
def test_symmetry_is_as_declared(name: str) -> None:
    measure = MEASURES[name]
    if measure.takes is not Takes.ONE_SET:
        there, back = value(name, given(name)), value(name, given(name)[::-1])
        assert (there == pytest.approx(back, rel=1e-4)) is measure.symmetric


@pytest.mark.parametrize("name", MEASURES)
def test_order_of_proteins_does_not_matter(name: str) -> None:
    samples = given(name)
    orders = [np.random.default_rng(7).permutation(len(s)) for s in samples]
    if MEASURES[name].takes is Takes.PAIRED_ROWS:
        orders[1] = orders[0]
    shuffled = [s.take(order) for s, order in zip(samples, orders, strict=True)]
    assert value(name, shuffled) == pytest.approx(value(name, samples), rel=1e-4)


@pytest.mark.parametrize("name", [n for n, m in MEASURES.items() if m.labels is not Labels.NONE])
def test_larger_means_better_as_declared(name: str) -> None:
    """Labels that follow the vectors, and the same source, against shuffled labels."""
    measure = MEASURES[name]
    same = [clustered("source", seed=3), clustered("target", seed=4)]
    random = np.random.default_rng(0).permutation(len(same[1]))
    labels = same[1].labels
    assert labels is not None
    other = Sample("target", same[1].vectors, labels[random], Target.MULTICLASS)
    pair = same[-1:] if measure.takes is Takes.ONE_SET else same
    good, bad = value(name, pair), value(name, [*pair[:-1], other])
    assert good > bad if measure.larger_is_better else good < bad


@pytest.mark.parametrize("kind", list(Target))
@pytest.mark.parametrize("name", [n for n, m in MEASURES.items() if m.labels is not Labels.NONE])
def test_every_kind_of_label(name: str, kind: Target) -> None:
    samples = given(name, with_target(A, kind), with_target(B, kind))
    if kind is Target.MULTILABEL and name in {"otdd", "otmtd", "leep"}:
        with pytest.raises(TransferError, match="may have several labels"):
            value(name, samples)
    else:
        assert np.isfinite(value(name, samples))


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (np.zeros(36, int), Target.MULTICLASS),
        (np.full(36, 2.5), Target.REGRESSION),
        (np.ones((36, 2), bool), Target.MULTILABEL),
    ],
)
@pytest.mark.parametrize("name", [n for n, m in MEASURES.items() if m.labels is not Labels.NONE])
def test_a_constant_target_is_told(name: str, labels: np.ndarray, kind: Target) -> None:
    samples = given(name, A, Sample("b", B.vectors, labels, kind))
    says = "one class|nothing to predict|several labels"
    with pytest.raises(TransferError, match=f"b: .*({says})"):
        value(name, samples)


def test_otdd_is_its_definition() -> None:
    def bures(x: np.ndarray, y: np.ndarray) -> float:
        a, b = np.cov(x.T), np.cov(y.T)
        root = np.real(sqrtm(a))
        cross = np.trace(a + b - 2 * np.real(sqrtm(root @ b @ root)))
        return float(((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum() + cross)

    x, y = A.vectors.astype(float), B.vectors.astype(float)
    assert A.labels is not None
    assert B.labels is not None
    between = [[bures(x[A.labels == i], y[B.labels == j]) for j in range(3)] for i in range(3)]
    costs = cdist(x, y, "sqeuclidean") + np.array(between)[A.labels][:, B.labels]
    assert value("otdd", [A, B]) == pytest.approx(ot.emd2([], [], costs) ** 0.5, rel=1e-6)
    assert value("otdd", [A, A]) == pytest.approx(0, abs=1e-4)


def test_otmtd_places_keep_distances() -> None:
    points = np.random.default_rng(0).standard_normal((7, 4))
    distances = cdist(points, points)
    places = scaled_places(distances)
    assert places.shape == (7, 10)
    np.testing.assert_allclose(cdist(places, places), distances, atol=1e-3)
    order = np.random.default_rng(1).permutation(7)
    np.testing.assert_allclose(scaled_places(distances[order][:, order]), places[order], atol=1e-3)
    assert not scaled_places(np.zeros((4, 4))).any()


def test_otmtd_embedding_is_the_mean_displacement() -> None:
    rows = np.random.default_rng(1).standard_normal((50, 6))
    reference = reference_points(6, seed=0)
    plan = ot.emd([], [], cdist(rows, reference, "sqeuclidean"))
    targets = np.array([np.average(rows, axis=0, weights=column) for column in plan.T])
    found = task_embedding(rows, reference)
    np.testing.assert_allclose(found, (targets - reference) / 200**0.5, atol=1e-9)
    moved = task_embedding(rows + 1.0, reference)
    assert np.linalg.norm(moved - found) == pytest.approx(6**0.5, rel=1e-6)


def test_otmtd_of_a_task_with_itself_is_zero() -> None:
    assert value("otmtd", [A, A]) == pytest.approx(0, abs=1e-6)
    assert value("otmtd", [A, B]) > 0.1


@pytest.mark.parametrize("width", [4, 30])
def test_logme_is_the_largest_evidence(width: int) -> None:
    generator = np.random.default_rng(width)
    x = generator.standard_normal((20, width)).astype(np.float32)
    y = x[:, 0] + 0.7 * generator.standard_normal(20)
    z = (y - y.mean()) / y.std()

    def negative(logs: np.ndarray) -> float:
        alpha, beta = np.exp(logs)
        covariance = x.astype(float) @ x.T / alpha + np.eye(20) / beta
        return -float(multivariate_normal.logpdf(z, cov=covariance)) / 20

    starts = [np.array(start, float) for start in product((-2, 1, 4), repeat=2)]
    best = min(minimize(negative, start, method="Nelder-Mead").fun for start in starts)
    found = value("logme", [Sample("t", x, y, Target.REGRESSION)])
    assert found == pytest.approx(-best, abs=1e-4)


def test_logme_survives_no_noise_and_no_signal() -> None:
    x = np.random.default_rng(0).standard_normal((30, 40)).astype(np.float32)
    exact = Sample("exact", x, x[:, 0].astype(float), Target.REGRESSION)
    noise = np.random.default_rng(1).standard_normal(30)
    silent = Sample("silent", np.ones((30, 1), np.float32), noise, Target.REGRESSION)
    assert np.isfinite(value("logme", [exact]))
    assert np.isfinite(value("logme", [silent]))


def test_leep_of_a_known_table() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.0, 1.0]])
    classes = np.array([0, 0, 1, 1])
    total = 0.0
    for theta, own in zip(probabilities, classes, strict=True):
        terms = [
            probabilities[classes == own, z].sum() / probabilities[:, z].sum() * theta[z]
            for z in range(2)
        ]
        total += np.log(sum(terms))
    assert leep_score(probabilities, classes) == pytest.approx(total / 4)
    assert leep_score(np.eye(2)[classes], classes) == pytest.approx(0)


def test_h_score_without_shrinkage_is_its_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.covariance

    monkeypatch.setattr(sklearn.covariance, "ledoit_wolf", lambda x, **_: (x.T @ x / len(x), 0.0))
    x = B.vectors.astype(float)
    assert B.labels is not None
    means = np.array([x[B.labels == k].mean(axis=0) for k in B.labels])
    covariances = [np.cov(each.T, bias=True) for each in (x, means)]
    expected = np.trace(np.linalg.inv(covariances[0]) @ covariances[1])
    assert value("h-score", [B]) == pytest.approx(expected, rel=1e-6)


def test_knn_purity_counts_neighbours() -> None:
    x = B.vectors.astype(float)
    assert B.labels is not None
    distances = cdist(x, x, "cosine") + np.diag(np.full(len(x), 9.0))
    near = distances.argsort(axis=1)[:, :3]
    expected = (B.labels[near] == B.labels[:, None]).mean()
    outcome = MEASURES["knn-purity"].compute([B], OPTIONS)
    assert outcome.value == pytest.approx(expected)
    assert outcome.parts["chance"] == pytest.approx(11 / 35)
    with pytest.raises(TransferError, match="36 proteins have no 36 neighbours"):
        MEASURES["knn-purity"].compute([B], TransferOptions(neighbours=36))


def test_cka_is_that_of_gram_matrices() -> None:
    x, y = (s.vectors.astype(float) for s in given("cka"))
    centre = np.eye(len(x)) - 1 / len(x)
    k, m = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    expected = (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())
    assert value("cka", given("cka")) == pytest.approx(expected, rel=1e-6)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((8, 8)))[0]
    turned = Sample("turned", (3 * A.vectors @ turn + 1).astype(np.float32))
    assert value("cka", [A, turned]) == pytest.approx(1, abs=1e-5)
    few = [s.take(np.arange(4)) for s in (A, turned)]
    assert value("cka", few) == pytest.approx(1, abs=1e-5)
    with pytest.raises(TransferError, match="same vector"):
        value("cka", [A, Sample("flat", np.ones((40, 3), np.float32))])


def test_what_a_measure_does_not_take_is_told() -> None:
    bare = Sample("bare", A.vectors)
    with pytest.raises(TransferError, match="logme takes one set, 2 were given"):
        MEASURES["logme"].check([A, B])
    with pytest.raises(TransferError, match="needs labels of bare"):
        MEASURES["otdd"].check([bare, B])
    with pytest.raises(TransferError, match="needs labels of bare"):
        MEASURES["logme"].check([bare])
    with pytest.raises(TransferError, match="8 channels and wide 9"):
        MEASURES["wasserstein"].check([A, clustered("wide", width=9)])
    with pytest.raises(TransferError, match="a has 40 and b 36"):
        MEASURES["cka"].check([A, B])
    with pytest.raises(TransferError, match=r"no measure 'ottrm'; did you mean 'otfrm'\?; there"):
        measure_named("ottrm")
