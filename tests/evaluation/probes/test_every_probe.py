"""What holds for every probe and every kind of label."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.sparse import csr_array

from multiprot.errors import EvaluationError
from multiprot.evaluation.probes import PROBES, Problem, Rows, find_probe, perceptron
from multiprot.evaluation.probes.folds import fold_of_rows
from multiprot.evaluation.probes.libraries import evaluation_library
from multiprot.evaluation.tasks.task_type import Target
from tests.evaluation.probes.problems import correlation, log_likelihood, make

threads = evaluation_library("threadpoolctl")

every_probe = pytest.mark.parametrize("name", sorted(PROBES))
few_epochs = pytest.mark.usefixtures("few_epochs_of_perceptrons")
every_target = pytest.mark.parametrize("target", list(Target))


@pytest.fixture
def few_epochs_of_perceptrons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perceptron, "MOST_EPOCHS", 8)


@every_probe
@every_target
@pytest.mark.parametrize("validated", [True, False])
def test_a_probe_finds_what_there_is(name: str, target: Target, validated: bool) -> None:
    training, problem = make(target, 400)
    validation, test = make(target, 100, seed=1)[0], make(target, 200, seed=2)[0]
    fitted = find_probe(name).fit(training, problem, validation=validation if validated else None)
    found = fitted.predict(test.features)
    outputs = () if target in (Target.REGRESSION, Target.BINARY) else (4,)
    assert found.shape == (200, *outputs)
    assert found.dtype == np.float64
    if target is not Target.REGRESSION:
        assert found.min() >= 0
        assert found.max() <= 1 + 1e-12
    if target is Target.MULTICLASS:
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    blind = log_likelihood(test.labels, np.full(found.shape, 0.5)) if outputs else 0
    floor = {Target.REGRESSION: 0.8, Target.BINARY: -0.5}.get(target, blind)
    assert problem.score(test.labels, found) > floor
    chosen = json.loads(json.dumps(dict(fitted.chosen)))
    assert chosen["held_out"].startswith("validation" if validated else ("cross", "a fifth"))
    assert find_probe(name).setting in chosen


@few_epochs
@every_probe
@every_target
def test_threads_change_nothing(name: str, target: Target) -> None:
    # Several blocks of rows, but for the perceptron, whose hundred epochs would take long.
    training, problem = make(target, 100 if name == "mlp" else 2600, width=30)
    queries = make(target, 600, width=30, seed=1)[0].features
    answers = []
    for number in (1, 3):
        with threads.threadpool_limits(limits=number):
            fitted = find_probe(name).fit(training, problem, seed=3)
            answers.append((dict(fitted.chosen), fitted.predict(queries)))
    for chosen, predictions in answers[1:]:
        assert chosen == answers[0][0]
        np.testing.assert_array_equal(predictions, answers[0][1])


def test_the_number_of_threads_is_given_back() -> None:
    training, problem = make(Target.BINARY)
    before = [pool["num_threads"] for pool in threads.threadpool_info()]
    find_probe("linear").fit(training, problem)
    assert [pool["num_threads"] for pool in threads.threadpool_info()] == before


@few_epochs
@every_probe
@every_target
def test_predictions_do_not_depend_on_the_batch(name: str, target: Target) -> None:
    training, problem = make(target, 200)
    queries = make(target, 300, seed=1)[0].features
    fitted = find_probe(name).fit(training, problem)
    whole = fitted.predict(queries)
    parts = np.concatenate(
        [fitted.predict(queries[part]) for part in np.array_split(range(300), 7)]
    )
    np.testing.assert_allclose(parts, whole, rtol=1e-4 if name == "mlp" else 1e-9, atol=1e-6)


@few_epochs
@every_probe
@every_target
def test_sparse_features_are_like_dense_ones(name: str, target: Target) -> None:
    training, problem = make(target, 150)
    queries = make(target, 50, seed=1)[0].features
    training = Rows(np.where(training.features > 5, training.features, 0), training.labels)
    queries = np.where(queries > 5, queries, 0)
    dense = find_probe(name).fit(training, problem)
    sparse = find_probe(name).fit(Rows(csr_array(training.features), training.labels), problem)
    if name == "mlp":
        # What is not shifted is learnt in other steps; that it is learnt is what matters.
        assert sparse.chosen["score"] > dense.chosen["score"] - 0.2
        return
    assert sparse.chosen["score"] == pytest.approx(dense.chosen["score"])
    expected = dense.predict(queries)
    np.testing.assert_allclose(sparse.predict(csr_array(queries)), expected, rtol=1e-3, atol=1e-4)


@few_epochs
@every_probe
@every_target
def test_units_of_the_channels_do_not_matter(name: str, target: Target) -> None:
    training, problem = make(target, 150)
    queries = make(target, 50, seed=1)[0].features
    units = np.float32(2.0) ** np.arange(-3, 3)
    plain = find_probe(name).fit(training, problem).predict(queries)
    scaled = Rows(training.features * units, training.labels)
    found = find_probe(name).fit(scaled, problem).predict(queries * units)
    np.testing.assert_allclose(found, plain, rtol=1e-4, atol=1e-5)


@every_probe
def test_a_class_that_training_lacks_gets_probability_zero(name: str) -> None:
    training, _ = make(Target.MULTICLASS, 200)
    problem = Problem(Target.MULTICLASS, 9, log_likelihood)
    labels = training.labels * 2 + 1
    found = find_probe(name).fit(Rows(training.features, labels), problem)
    predictions = found.predict(training.features)
    assert predictions.shape == (200, 9)
    assert not predictions[:, ::2].any()
    assert (predictions[:, 1::2].max(axis=0) > 0.4).all()


@every_probe
def test_labels_that_do_not_vary_are_predicted_as_they_are(name: str) -> None:
    training, _ = make(Target.MULTILABEL, 200)
    labels = np.column_stack([np.zeros(200, bool), training.labels[:, 0], np.ones(200, bool)])
    problem = Problem(Target.MULTILABEL, 3, log_likelihood)
    found = find_probe(name).fit(Rows(training.features, labels), problem)
    predictions = found.predict(training.features)
    assert not predictions[:, 0].any()
    assert (predictions[:, 2] == 1).all()
    assert np.ptp(predictions[:, 1]) > 0.5


@every_probe
def test_groups_are_held_out_whole(name: str) -> None:
    # Each group has its own label and its own place; only from within it could one know the label.
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(40), 10)
    place, label = rng.standard_normal((40, 30)), rng.standard_normal(40)
    features = (place[group] + 0.01 * rng.standard_normal((400, 30))).astype(np.float32)
    problem = Problem(Target.REGRESSION, 1, correlation)
    split = find_probe(name).fit(Rows(features, label[group]), problem)
    whole = find_probe(name).fit(Rows(features, label[group], group), problem)
    assert split.chosen["score"] > 0.9
    assert whole.chosen["score"] < 0.6


@few_epochs
@every_probe
def test_a_probe_of_another_seed_may_differ_but_not_of_the_same(name: str) -> None:
    training, problem = make(Target.MULTICLASS)
    first, again = (find_probe(name).fit(training, problem, seed=5) for _ in range(2))
    assert dict(first.chosen) == dict(again.chosen)
    np.testing.assert_array_equal(
        first.predict(training.features), again.predict(training.features)
    )


@few_epochs
@every_probe
def test_rows_of_another_width_are_refused(name: str) -> None:
    training, problem = make(Target.REGRESSION)
    fitted = find_probe(name).fit(training, problem)
    with pytest.raises(EvaluationError, match=r"\(3, 5\).*trained on 6 channels"):
        fitted.predict(np.zeros((3, 5), np.float32))
    bad = training.features.copy()
    bad[4, 2] = np.nan
    with pytest.raises(EvaluationError, match="channel 2 of row 4 is nan"):
        fitted.predict(bad)


@every_probe
def test_a_score_that_is_never_a_number_is_an_error(name: str) -> None:
    training, _ = make(Target.REGRESSION)
    problem = Problem(Target.REGRESSION, 1, lambda labels, predictions: float("nan"))
    with pytest.raises(EvaluationError, match="undefined on all"):
        find_probe(name).fit(training, problem)


@few_epochs
@every_probe
def test_no_rows_are_predicted_as_no_rows(name: str) -> None:
    training, problem = make(Target.MULTICLASS)
    assert find_probe(name).fit(training, problem).predict(training.features[:0]).shape == (0, 4)


@pytest.mark.parametrize("target", [Target.REGRESSION, Target.BINARY, Target.MULTICLASS])
def test_a_perceptron_needs_labels_that_differ_beside_those_held_out(target: Target) -> None:
    training, problem = make(target, 20)
    labels = np.zeros(20, dtype=training.labels.dtype)
    # The one that differs is in the fold that is held out.
    folds = fold_of_rows(Rows(training.features, labels, np.arange(20)), problem, 0)
    labels[np.flatnonzero(folds == 0)[0]] = 1
    with pytest.raises(EvaluationError, match="give the task a validation part"):
        find_probe("mlp").fit(Rows(training.features, labels, np.arange(20)), problem)


def test_a_mistyped_name_meets_the_nearest() -> None:
    with pytest.raises(EvaluationError, match=r"did you mean 'linear'.*linear, knn, mlp"):
        find_probe("lineer")


def test_without_scikit_learn_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    training, problem = make(Target.REGRESSION)
    with pytest.raises(EvaluationError, match=r"multiprot\[evaluation\]"):
        find_probe("linear").fit(training, problem)
