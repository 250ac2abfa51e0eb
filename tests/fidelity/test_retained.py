"""Retained shares from predictions on disk, against a few lines of numpy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from multiprot.evaluation.comparison import Outcome
from multiprot.evaluation.comparison.predictions import predictions_name
from multiprot.evaluation.tasks import load_task
from multiprot.fidelity.draws import Drawn, combined, mean_of
from multiprot.fidelity.options import FidelityOptions, FidelityScoring
from multiprot.fidelity.retained import Trio, retained_share, summed_up, task_lines
from tests.evaluation.tasks.folders import proteins, write_task

ENTRIES = 100
TRIO = Trio("pupil", "master", "nobody")
SCORING = FidelityScoring(seeds=2, resamples=200)
TRUTH = np.random.default_rng(0).normal(size=ENTRIES)

Noise = dict[str, float]
"""Model -> standard deviation of the noise on its predictions."""

GOOD: Noise = {"pupil": 1.0, "master": 0.3, "nobody": 8.0}


def foretold(model: str, noise: float, seed: int) -> np.ndarray:
    drawn = np.random.default_rng([*model.encode(), seed])
    return (TRUTH + noise * drawn.normal(size=ENTRIES)).astype(np.float32)


def outcome(folder: Path, tasks: Mapping[str, tuple[str, Noise]]) -> Outcome:
    """What an evaluation leaves: task -> its metric, and how noisy the models are."""
    made = Outcome()
    for task, (metric, noises) in tasks.items():
        rows = proteins(ENTRIES * 4)
        made.tasks[task] = load_task(write_task(folder / task, rows, "regression", metric))
        ids = np.array([row["id"] for row in rows if row["split"] == "test"])
        for model, noise in noises.items():
            place = made.folders[model, task] = folder / f"{model}-{task}"
            place.mkdir()
            for seed in range(SCORING.seeds):
                np.savez(
                    place / predictions_name("linear", seed, "test"),
                    ids=ids,
                    groups=np.arange(ENTRIES, dtype=np.int32),
                    labels=TRUTH,
                    predictions=foretold(model, noise, seed),
                )
            run = {"probe": "linear", "seed": 0, "splits": {"test": {}}}
            made.cells.append({"model": model, "task": task, "runs": [run]})
    return made


def lines_of(made: Outcome, **options: object) -> tuple[list, list[str]]:  # type: ignore[type-arg]
    notes: list[str] = []
    chosen = FidelityOptions.model_validate(options)
    return task_lines(made, TRIO, chosen, SCORING, notes), notes


def spearman(model: str, noises: Noise) -> float:
    seeds = [foretold(model, noises[model], seed) for seed in range(SCORING.seeds)]
    return float(np.mean([spearmanr(TRUTH, each).statistic for each in seeds]))


def test_the_share_is_the_formula(tmp_path: Path) -> None:
    (scored,), notes = lines_of(outcome(tmp_path, {"a": ("spearman", GOOD)}))
    student, teacher, random = (spearman(m, GOOD) for m in ("pupil", "master", "nobody"))
    found = scored.line
    assert found.student.value == pytest.approx(student)
    assert found.difference.value == pytest.approx(student - teacher)
    assert found.retained.value == pytest.approx((student - random) / (teacher - random))
    assert found.retained.low < found.retained.value < found.retained.high
    assert found.gain.low > 0
    assert (found.counted, found.why, notes) == (True, "counts", [])


def test_where_smaller_is_better_signs_turn(tmp_path: Path) -> None:
    (scored,), _ = lines_of(outcome(tmp_path, {"a": ("mse", GOOD)}))
    found = scored.line
    assert found.student.value > found.teacher.value
    assert found.difference.value < 0 < found.gain.low
    assert 0 < found.retained.value < 1


def test_a_teacher_as_its_own_student_retains_all_of_itself(tmp_path: Path) -> None:
    made = outcome(tmp_path, {"a": ("spearman", GOOD)})
    same = Trio("master", "master", "nobody")
    (scored,) = task_lines(made, same, FidelityOptions(), SCORING, [])
    kept = summed_up([scored], 0.95, FidelityOptions())
    assert kept.share is not None
    assert (kept.share.value, kept.share.low, kept.share.high) == pytest.approx((1, 1, 1))
    assert scored.line.difference.value == scored.line.difference.low == 0
    assert (kept.within, kept.lines) == (1, 1)


def test_random_weights_as_student_retain_nothing(tmp_path: Path) -> None:
    made = outcome(tmp_path, {"a": ("spearman", GOOD)})
    same = Trio("nobody", "master", "nobody")
    (scored,) = task_lines(made, same, FidelityOptions(), SCORING, [])
    assert scored.line.retained is not None
    assert scored.line.retained.value == 0


def test_without_a_clear_gain_there_is_no_number(tmp_path: Path) -> None:
    level = {"pupil": 1.0, "master": 1.0, "nobody": 1.0}
    found, _ = lines_of(outcome(tmp_path, {"a": ("spearman", level)}))
    kept = summed_up(found, 0.95, FidelityOptions())
    assert found[0].line.retained is None
    assert not found[0].line.counted
    assert kept.share is None
    assert "not clearly better than random weights on a" in kept.why


def test_the_mean_is_over_tasks_that_count(tmp_path: Path) -> None:
    level = {"pupil": 1.0, "master": 1.0, "nobody": 1.0}
    tasks = {
        "a": ("spearman", GOOD),
        "b": ("spearman", GOOD | {"pupil": 0.3}),
        "level": ("spearman", level),
        "dms_pab1": ("spearman", GOOD | {"pupil": 8.0}),
    }
    made = outcome(tmp_path, tasks)
    found, _ = lines_of(made)
    kept = summed_up(found, 0.95, FidelityOptions())
    shares = {x.line.task: x.line.retained.value for x in found if x.line.retained}
    assert set(shares) == {"a", "b", "dms_pab1"}
    assert kept.tasks == pytest.approx({name: shares[name] for name in "ab"})
    assert kept.share is not None
    assert kept.share.value == pytest.approx((shares["a"] + shares["b"]) / 2)
    assert kept.lines == 4
    every, _ = lines_of(made, not_counted=("none",))
    assert set(summed_up(every, 0.95, FidelityOptions()).tasks) == {"a", "b", "dms_pab1"}


def test_within_is_a_share_of_the_teachers_score(tmp_path: Path) -> None:
    made = outcome(tmp_path, {"a": ("spearman", GOOD)})
    (scored,), _ = lines_of(made)
    away = abs(scored.line.difference.value / scored.line.teacher.value)
    assert lines_of(made, tolerance=away * 1.01)[0][0].line.within is True
    assert lines_of(made, tolerance=away * 0.99)[0][0].line.within is False


def test_a_task_without_all_scores_is_a_note(tmp_path: Path) -> None:
    made = outcome(tmp_path, {"a": ("spearman", {"pupil": 1.0, "nobody": 8.0})})
    found, notes = lines_of(made)
    assert found == []
    assert notes == ["a: not compared with master, master has no score"]
    assert summed_up(found, 0.95, FidelityOptions()).why == "no task was scored for all models"


def test_models_are_compared_on_entries_that_all_have(tmp_path: Path) -> None:
    made = outcome(tmp_path, {"a": ("spearman", GOOD)})
    for seed in range(SCORING.seeds):
        path = made.folders["master", "a"] / predictions_name("linear", seed, "test")
        with np.load(path) as file:
            arrays = dict(file)
        half = {name: arrays[name][: ENTRIES // 2] for name in ("ids", "groups")}
        rows = {name: arrays[name][: ENTRIES // 2] for name in ("labels", "predictions")}
        np.savez(path, **half, **rows)
    (scored,), _ = lines_of(made)
    assert scored.line.entries == ENTRIES // 2


def test_numbers_of_draws() -> None:
    one, other = Drawn(2.0, np.array([1.0, 3.0])), Drawn(1.0, np.array([1.0, np.nan]))
    found = combined(lambda a, b: a - b, one, other)
    assert found.value == 1.0
    assert found.draws[0] == 0
    assert np.isnan(found.draws[1])
    assert mean_of([one, one]).draws.tolist() == [1.0, 3.0]
    wide = Drawn(0.0, np.linspace(0, 1, 101)).measured(0.9)
    assert (wide.low, wide.high) == pytest.approx((0.05, 0.95))
    assert Drawn(np.nan, one.draws).measured(0.95).value is None
    assert Drawn(1.0, np.array([np.nan, np.nan, 1.0])).measured(0.95).low is None


def test_the_formula_is_the_same_either_way_round() -> None:
    up = retained_share(np.array(3.0), np.array(5.0), np.array(1.0))
    down = retained_share(np.array(-3.0), np.array(-5.0), np.array(-1.0))
    assert up == down == 0.5
