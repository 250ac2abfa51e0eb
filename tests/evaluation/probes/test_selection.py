"""Folds, and the choice between settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from multiprot.evaluation.probes import Problem, Rows, selection
from multiprot.evaluation.probes.folds import fold_of_rows, parts
from multiprot.evaluation.probes.rows import Features
from multiprot.evaluation.probes.selection import choose
from multiprot.evaluation.tasks.task_type import Target
from tests.evaluation.probes.problems import make


@given(rows=st.integers(10, 300), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_folds_are_even_in_rows_and_in_classes(rows: int, seed: int) -> None:
    training, problem = make(Target.MULTICLASS, rows)
    folds = fold_of_rows(training, problem, seed)
    assert np.ptp(np.bincount(folds, minlength=5)) <= 1
    for label in np.unique(training.labels):
        assert np.ptp(np.bincount(folds[training.labels == label], minlength=5)) <= 1


@given(sizes=st.lists(st.integers(1, 30), min_size=2, max_size=30), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_groups_stay_whole(sizes: list[int], seed: int) -> None:
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    training = Rows(np.zeros((len(groups), 1), np.float32), np.zeros(len(groups)), groups)
    _, problem = make(Target.REGRESSION)
    found = parts(training, problem, seed)
    for learnt, held in found:
        assert not set(groups[learnt]) & set(groups[held])
        assert len(learnt)
        assert len(learnt) + len(held) == len(groups)
    np.testing.assert_array_equal(
        np.sort(np.concatenate([held for _, held in found])), range(len(groups))
    )


@dataclass
class Told:
    """A path whose predictions are its settings."""

    settings: tuple[float, ...]
    patience: int = 2
    seen: list[float] = field(default_factory=list)
    learnt: list[int] = field(default_factory=list)

    def along(
        self, training: Rows, queries: Features
    ) -> Iterator[tuple[float, NDArray[np.float64]]]:
        self.learnt.append(len(training))
        for setting in self.settings:
            self.seen.append(setting)
            yield setting, np.full(queries.shape[0], setting)

    def model(self, training: Rows, setting: float) -> float:
        self.learnt.append(len(training))
        return -setting


def told(scores: dict[float, float]) -> Problem:
    return Problem(Target.REGRESSION, 1, lambda labels, predictions: scores[predictions[0]])


def test_the_first_of_equals_is_chosen_and_the_rest_left_untried() -> None:
    training, _ = make(Target.REGRESSION)
    path = Told((5.0, 4.0, 3.0, 2.0, 1.0))
    scores = {5.0: 0.1, 4.0: 0.9, 3.0: 0.9, 2.0: 0.2, 1.0: 0.3}
    found = choose(path, training, told(scores), training, 0)
    assert (found.setting, found.model, found.score, found.held_out) == (4, 4, 0.9, "validation")
    assert path.seen == [5, 4, 3, 2, 1]
    path = Told((5.0, 4.0, 3.0, 2.0, 1.0))
    choose(path, training, told({**scores, 3.0: 0.5}), training, 0)
    assert path.seen == [5, 4, 3, 2]


def test_an_undefined_score_loses_to_any_other() -> None:
    training, _ = make(Target.REGRESSION)
    scores = {3.0: np.nan, 2.0: -5.0, 1.0: np.nan}
    assert choose(Told((3.0, 2.0, 1.0)), training, told(scores), training, 0).setting == 2


def test_without_validation_all_rows_teach_the_final_model() -> None:
    training, _ = make(Target.REGRESSION, 100)
    path = Told((2.0, 1.0))
    found = choose(path, training, told({2.0: 0.0, 1.0: 1.0}), None, 0)
    assert (found.model, found.held_out) == (-1, "cross-validation")
    assert path.learnt == [80] * 5 + [100]


def test_many_rows_are_held_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "CROSS_VALIDATED_ROWS", 99)
    training, _ = make(Target.REGRESSION, 100)
    path = Told((2.0, 1.0))
    found = choose(path, training, told({2.0: 0.0, 1.0: 1.0}), None, 0)
    assert (found.model, found.held_out) == (-1, "a fifth of the training part")
    assert path.learnt == [80, 100]
