"""MTDP's protocol is what it says, and a second run computes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import balanced_accuracy_score, f1_score

from benchmarks.mtdp_protocol import cells
from benchmarks.mtdp_protocol.__main__ import compare
from benchmarks.mtdp_protocol.cells import Trial, chosen_entries, standardised
from benchmarks.mtdp_protocol.design import CASES, LAST, METRICS, OFFICIAL, PUBLISHED, RELEASED
from benchmarks.mtdp_protocol.head import EPOCHS, Examples, answers_by_epoch
from benchmarks.mtdp_protocol.protocol import (
    FOLDS,
    SEED,
    Proteins,
    best_epoch,
    official_split,
    random_folds,
)
from benchmarks.mtdp_protocol.table import table
from multiprot.evaluation.features import parse_models
from multiprot.evaluation.tasks import Labels, load_task
from multiprot.evaluation.tasks.task_type import Target
from tests.evaluation.tasks.folders import proteins as rows_of
from tests.evaluation.tasks.folders import write_task

COUNT = 480
NUMBERS = np.random.default_rng(0)
VECTORS = NUMBERS.standard_normal((COUNT, 8)).astype(np.float32)
SPLITS = np.array(["train", "train", "valid", "test"] * (COUNT // 4))


def proteins(target: Target, splits: Any = SPLITS) -> Proteins:
    """Labels that a linear map of the vectors gives, nearly."""
    scores = VECTORS @ NUMBERS.standard_normal((8, 3)) + 0.5 * NUMBERS.standard_normal((COUNT, 3))
    values = {
        Target.REGRESSION: 50 + 7 * scores[:, 0],
        Target.BINARY: (scores[:, 0] > 0).astype(np.int64),
        Target.MULTICLASS: scores.argmax(axis=1),
    }[target]
    names = {Target.REGRESSION: (), Target.BINARY: ("0", "1"), Target.MULTICLASS: tuple("abc")}
    everything = np.ones(COUNT, dtype=bool)
    labels = Labels(target, values, names[target], everything, np.arange(COUNT + 1))
    return Proteins(VECTORS, labels, splits)


def classes(answers: Any) -> Any:
    return answers.argmax(axis=1)


REFERENCES = {
    "pearson": (Target.REGRESSION, lambda labels, said: pearsonr(labels, said)[0]),
    "f1": (Target.BINARY, lambda labels, said: f1_score(labels, said > 0.5)),
    "f1_macro": (
        Target.MULTICLASS,
        lambda labels, said: f1_score(labels, classes(said), average="macro"),
    ),
    "balanced_accuracy": (
        Target.MULTICLASS,
        lambda labels, said: balanced_accuracy_score(labels, classes(said)),
    ),
}


@pytest.mark.parametrize("metric", METRICS)
def test_scores_are_those_of_the_reference(metric: str) -> None:
    target, reference = REFERENCES[metric]
    of = proteins(target)
    train, asked = np.arange(COUNT - 60), np.arange(COUNT - 60, COUNT)
    count = max(2, len(of.labels.names))
    learnt = Examples(VECTORS[train], of.labels.values[train])
    said = list(answers_by_epoch(learnt, VECTORS[asked], target, count, SEED))
    expected = [reference(of.labels.values[asked], each) for each in said]
    assert len(expected) == EPOCHS
    np.testing.assert_allclose(of.scores(train, asked, [metric])[metric], expected, atol=1e-6)
    assert expected[-1] > 0.6


@pytest.mark.parametrize("target", [Target.REGRESSION, Target.MULTICLASS])
def test_a_head_is_linear(target: Target) -> None:
    of = proteins(target)
    learnt = Examples(VECTORS, of.labels.values)
    points = np.stack([VECTORS[0], VECTORS[1], (VECTORS[0] + VECTORS[1]) / 2])
    *_, said = answers_by_epoch(learnt, points, target, 3, SEED)
    if target is Target.MULTICLASS:
        said = np.log(said)
        said = said - said.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(said[2], (said[0] + said[1]) / 2, rtol=1e-3, atol=1e-4)


def test_the_best_epoch_flatters() -> None:
    found = random_folds(proteins(Target.MULTICLASS), ["f1_macro", "balanced_accuracy"])
    assert len(found["f1_macro"][LAST]) == FOLDS
    pairs = zip(found["f1_macro"][RELEASED], found["f1_macro"][LAST], strict=True)
    assert all(best >= last for best, last in pairs)


def test_the_official_split_looks_at_test_once() -> None:
    of = proteins(Target.REGRESSION)
    found = official_split(of, ["pearson"])["pearson"][OFFICIAL]
    train, valid, test = (np.flatnonzero(name == SPLITS) for name in ("train", "valid", "test"))
    epoch = best_epoch(of.scores(train, valid, ["pearson"])["pearson"])
    assert found == [of.scores(train, test, ["pearson"])["pearson"][epoch]]


def test_without_valid_the_last_epoch_counts() -> None:
    splits = np.where(SPLITS == "valid", "train", SPLITS)
    of = proteins(Target.BINARY, splits)
    train, test = np.flatnonzero(splits == "train"), np.flatnonzero(splits == "test")
    expected = of.scores(train, test, ["f1"])["f1"][-1]
    assert official_split(of, ["f1"])["f1"][OFFICIAL] == [expected]


def test_an_epoch_without_a_value_is_not_the_best() -> None:
    assert best_epoch(np.array([np.nan, 0.2, 0.1])) == 1
    assert best_epoch(np.array([np.nan, np.nan])) == 1


def test_constant_labels_are_told() -> None:
    learnt = Examples(VECTORS, np.full(COUNT, 40.0))
    with pytest.raises(ValueError, match=r"all 480 training labels are 40\.0"):
        next(answers_by_epoch(learnt, VECTORS, Target.REGRESSION, 1, SEED))


def test_standardised_channels_are_those_of_train() -> None:
    train = SPLITS == "train"
    found = standardised(3 * VECTORS + 1, train)
    np.testing.assert_allclose(found[train].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found[train].std(axis=0), 1, rtol=1e-4)


def test_a_trial_has_as_many_entries_as_asked_for() -> None:
    assert chosen_entries(5, None).tolist() == chosen_entries(5, 9).tolist() == [0, 1, 2, 3, 4]
    assert len(set(chosen_entries(100, 7))) == 7


def test_a_second_run_computes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load_task(write_task(tmp_path / "task", rows_of(60)))
    models, trial = parse_models(["made-up=baseline:composition"]), Trial(40, False)

    def run(trial: Trial) -> Any:
        return compare(models, {"meltome_clustered": task}, trial, tmp_path / "out")

    first = run(trial)
    monkeypatch.setattr(cells, "random_folds", None)
    assert run(trial) == first
    with pytest.raises(TypeError):
        run(Trial(50, False))
    lines = table(first, [RELEASED, LAST, OFFICIAL])
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert "| MTDP 20M † | 0.679 † |  |  |" in lines
    assert not any("DeepLoc" in line for line in lines)


def test_undefined_folds_are_told() -> None:
    values = {RELEASED: [0.5, float("nan"), 0.7]}
    lines = table({"m": {"meltome_clustered": {"pearson": values}}}, [RELEASED])
    assert "| m | 0.600 [0.500, 0.700] (1 undefined) |" in lines


def test_what_is_published_is_of_our_tasks() -> None:
    for row in PUBLISHED.values():
        assert all(metric in CASES[task].metrics for task, metric in row)
