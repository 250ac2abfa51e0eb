"""What a probe must not notice: the order of rows, of channels and of classes, and any scale."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from multiprot.evaluation.probes import Problem, Rows, find_probe
from multiprot.evaluation.tasks.task_type import Target
from tests.evaluation.probes.problems import make

SOLVED = 0.01
"""How near two solvers' probabilities come that begin elsewhere and stop at the same tolerance."""

every_target = pytest.mark.parametrize("target", list(Target))
exact_probes = pytest.mark.parametrize("name", ["linear", "knn"])


def fitted(
    name: str, training: Rows, problem: Problem, validation: Rows | None, queries: NDArray[Any]
) -> tuple[NDArray[np.float64], Any]:
    probe = find_probe(name).fit(training, problem, validation=validation)
    return probe.predict(queries), probe.chosen[find_probe(name).setting]


@pytest.fixture(params=list(Target), ids=str)
def data(request: pytest.FixtureRequest) -> tuple[Rows, Rows, Problem, NDArray[Any]]:
    training, problem = make(request.param, 150, seed=0)
    validation = make(request.param, 60, seed=1)[0]
    return training, validation, problem, make(request.param, 50, seed=2)[0].features


Data = tuple[Rows, Rows, Problem, NDArray[Any]]


@exact_probes
def test_the_order_of_rows_does_not_matter(name: str, data: Data) -> None:
    training, validation, problem, queries = data
    rng = np.random.default_rng(0)
    turned = training.part(rng.permutation(len(training)))
    turned_valid = validation.part(rng.permutation(len(validation)))
    first, setting = fitted(name, training, problem, validation, queries)
    second, other = fitted(name, turned, problem, turned_valid, queries)
    assert setting == other
    np.testing.assert_allclose(first, second, rtol=0, atol=SOLVED)


@exact_probes
def test_the_order_of_channels_does_not_matter(name: str, data: Data) -> None:
    training, validation, problem, queries = data
    order = np.random.default_rng(1).permutation(queries.shape[1])

    def turned(rows: Rows) -> Rows:
        return replace(rows, features=rows.features[:, order])

    first, setting = fitted(name, training, problem, validation, queries)
    second, other = fitted(name, turned(training), problem, turned(validation), queries[:, order])
    assert setting == other
    np.testing.assert_allclose(first, second, rtol=0, atol=SOLVED)


@exact_probes
def test_channels_that_do_not_vary_do_not_matter(name: str, data: Data) -> None:
    """Not even where they vary in what is to be predicted."""
    training, validation, problem, queries = data

    def wider(features: NDArray[Any], number: float) -> NDArray[Any]:
        more = np.full((len(features), 3), number, dtype=np.float32)
        return np.concatenate([features, more], axis=1)

    wide = [replace(rows, features=wider(rows.features, 7)) for rows in (training, validation)]
    first, _ = fitted(name, training, problem, validation, queries)
    second, _ = fitted(name, wide[0], problem, wide[1], wider(queries, -1e6))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("times", [2, 5])
def test_copies_of_rows_teach_a_linear_probe_nothing(times: int, data: Data) -> None:
    """Its penalty is one of the mean loss, not of the sum."""
    training, validation, problem, queries = data
    again = training.part(np.tile(np.arange(len(training)), times))
    first, setting = fitted("linear", training, problem, validation, queries)
    second, other = fitted("linear", again, problem, validation, queries)
    assert setting == other
    np.testing.assert_allclose(first, second, rtol=0, atol=SOLVED)


@pytest.mark.parametrize("name", ["linear", "knn"])
@pytest.mark.parametrize(("scale", "shift"), [(100.0, 0.0), (0.01, 5.0), (-3.0, 1000.0)])
def test_a_regression_predicts_in_the_unit_of_its_labels(
    name: str, scale: float, shift: float
) -> None:
    training, problem = make(Target.REGRESSION, 150)
    validation = make(Target.REGRESSION, 60, seed=1)[0]
    queries = make(Target.REGRESSION, 50, seed=2)[0].features

    def turned(rows: Rows) -> Rows:
        return replace(rows, labels=rows.labels * scale + shift)

    first, setting = fitted(name, training, problem, validation, queries)
    second, other = fitted(name, turned(training), problem, turned(validation), queries)
    assert setting == other
    np.testing.assert_allclose(second, first * scale + shift, rtol=1e-4, atol=1e-4 * abs(scale))


@exact_probes
def test_classes_may_be_numbered_in_any_way(name: str) -> None:
    training, problem = make(Target.MULTICLASS, 150)
    validation = make(Target.MULTICLASS, 60, seed=1)[0]
    queries = make(Target.MULTICLASS, 50, seed=2)[0].features
    order = np.array([2, 0, 3, 1])

    def turned(rows: Rows) -> Rows:
        return replace(rows, labels=order[rows.labels])

    first, _ = fitted(name, training, problem, validation, queries)
    second, _ = fitted(name, turned(training), problem, turned(validation), queries)
    np.testing.assert_allclose(first, second[:, order], rtol=0, atol=SOLVED)


@exact_probes
def test_yes_and_no_may_change_places(name: str) -> None:
    training, problem = make(Target.BINARY, 150)
    validation = make(Target.BINARY, 60, seed=1)[0]
    queries = make(Target.BINARY, 50, seed=2)[0].features

    def turned(rows: Rows) -> Rows:
        return replace(rows, labels=1 - rows.labels)

    first, _ = fitted(name, training, problem, validation, queries)
    second, _ = fitted(name, turned(training), problem, turned(validation), queries)
    np.testing.assert_allclose(first, 1 - second, rtol=0, atol=SOLVED)


@exact_probes
def test_a_label_is_learnt_alike_in_any_company(name: str) -> None:
    """Of several labels each has its own model, but for the one setting of all."""
    training, problem = make(Target.MULTILABEL, 150)
    validation = make(Target.MULTILABEL, 60, seed=1)[0]
    queries = make(Target.MULTILABEL, 50, seed=2)[0].features
    fixed = replace(problem, score=lambda labels, predictions: 0.0)

    def only(rows: Rows, columns: list[int]) -> Rows:
        return replace(rows, labels=rows.labels[:, columns])

    whole, setting = fitted(name, training, fixed, validation, queries)
    two, other = fitted(
        name, only(training, [3, 1]), replace(fixed, outputs=2), only(validation, [3, 1]), queries
    )
    assert setting == other
    np.testing.assert_allclose(whole[:, [3, 1]], two, rtol=0, atol=SOLVED)


@every_target
@pytest.mark.parametrize("name", ["linear", "knn", "mlp"])
def test_a_probe_knows_nothing_of_what_it_will_be_asked(name: str, target: Target) -> None:
    """Rows of test, however odd, do not change what is said of others."""
    training, problem = make(target, 60)
    probe = find_probe(name).fit(training, problem, validation=make(target, 60, seed=1)[0])
    queries = make(target, 30, seed=2)[0].features
    odd = np.concatenate([queries * 1000, queries])
    np.testing.assert_allclose(
        probe.predict(odd)[30:], probe.predict(queries), rtol=1e-5, atol=1e-7
    )


@exact_probes
def test_folds_without_a_class_or_a_channel_are_no_hindrance(name: str) -> None:
    """One row alone has the channel, another the class: some fold learns without them."""
    rng = np.random.default_rng(0)
    features = np.zeros((40, 2), dtype=np.float32)
    features[0, 0] = 1
    features[:, 1] = rng.normal(size=40)
    labels = (features[:, 1] > 0).astype(int)
    labels[3] = 2
    problem = make(Target.MULTICLASS)[1]
    probe = find_probe(name).fit(Rows(features, labels), problem)
    assert probe.chosen["held_out"] == "cross-validation"
    assert probe.predict(features).argmax(axis=1).tolist().count(2) <= 2
    # Nothing but the one channel: most folds have no channel at all.
    alone = find_probe(name).fit(Rows(features[:, :1], labels), problem)
    np.testing.assert_allclose(alone.predict(features[:, :1]).sum(axis=1), 1, rtol=1e-6)


def test_a_ridge_regression_without_a_channel_predicts_the_mean() -> None:
    """So do folds of rows in which the one channel does not vary."""
    features = np.zeros((20, 1), dtype=np.float32)
    features[7] = 1
    labels = np.arange(20.0)
    problem = Problem(
        Target.REGRESSION, 1, lambda true, found: -float(np.square(true - found).sum())
    )
    probe = find_probe("linear").fit(Rows(features, labels), problem)
    assert probe.predict(np.zeros((1, 1), dtype=np.float32))[0] == pytest.approx(9.5, abs=1)
