"""The study of transferability: no test protein is learnt from, and figures are what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.transfer_prediction import design, folders
from benchmarks.transfer_prediction.correlation import correlation, promising_sign
from benchmarks.transfer_prediction.folders import held_out_sequences, smaller_task
from benchmarks.transfer_prediction.reliability import reliability
from multiprot.evaluation.metrics.metric import UndefinedMetricError
from multiprot.evaluation.tasks import load_task
from multiprot.transfer import MEASURES, Takes
from tests.evaluation.tasks.folders import proteins, write_task

MODELS, TASKS = ("m", "n"), ("a", "b", "c")
POINTS = [(m, s, t) for m in MODELS for s in TASKS for t in TASKS if s != t]


def test_the_points_are_those_that_the_design_tells() -> None:
    assert len(set(design.TASKS)) * (len(design.TASKS) - 1) >= 12
    for name in design.PAIR_MEASURES:
        assert MEASURES[name].takes is Takes.PAIR
    for name in design.FEATURE_MEASURES:
        assert MEASURES[name].takes is Takes.ONE_SET


def test_a_smaller_task_learns_from_nothing_that_another_is_tested_on(tmp_path: Path) -> None:
    first, second = proteins(80), proteins(80)
    tested = {row["sequence"] for row in second if row["split"] == "test"}
    for row, sequence in zip((r for r in first if r["split"] == "train"), tested, strict=False):
        row["sequence"] = sequence
    both = [write_task(tmp_path / n, rows) for n, rows in (("a", first), ("b", second))]
    withheld = held_out_sequences(both)
    assert tested <= withheld
    smaller_task(both[0], tmp_path / "small", withheld)
    small = load_task(tmp_path / "small")
    learnt = {small.sequences[0][row] for s in ("train", "valid") for row in small.entries(s)}
    assert learnt
    assert not learnt & withheld
    whole = load_task(both[0])
    assert {small.ids[row] for row in small.entries("test")} == {
        whole.ids[row] for row in whole.entries("test")
    }
    labels = dict(zip(whole.ids, whole.labels.values, strict=True))
    assert all(labels[name] == v for name, v in zip(small.ids, small.labels.values, strict=True))


def test_a_smaller_task_has_few_proteins_and_no_long_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = proteins(400)
    lengths = sorted(len(row["sequence"]) for row in rows)
    monkeypatch.setattr(folders, "LONGEST", lengths[300])
    monkeypatch.setattr(folders, "_MOST", {"train": 100, "valid": 60, "test": 50})
    smaller_task(write_task(tmp_path / "a", rows), tmp_path / "small", frozenset())
    small = load_task(tmp_path / "small")
    assert max(len(sequence) for sequence in small.sequences[0]) <= lengths[300]
    assert len(small.entries("train")) == 100
    assert len(small.entries("test")) <= 50


def test_a_smaller_task_is_made_once(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "a", proteins(80))
    smaller_task(folder, tmp_path / "small", frozenset())
    before = (tmp_path / "small" / "data.parquet").stat().st_mtime_ns
    smaller_task(folder, tmp_path / "small", frozenset())
    assert (tmp_path / "small" / "data.parquet").stat().st_mtime_ns == before


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), rising=st.booleans())
def test_a_measure_that_orders_gains_has_a_correlation_of_one(seed: int, rising: bool) -> None:
    rng = np.random.default_rng(seed)
    gains = {point: float(value) for point, value in zip(POINTS, rng.random(12), strict=True)}
    sign = 1.0 if rising else -1.0
    found = correlation(gains, {point: sign * np.exp(gain) for point, gain in gains.items()})
    assert found["points"] == 12
    assert found["spearman"] == pytest.approx(sign)
    assert found["within"] == pytest.approx(sign)
    assert found["interval"] == pytest.approx([sign, sign])
    assert all(rho == pytest.approx(sign) for rho in found["without_task"].values() if rho)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_correlation_is_that_of_the_points_that_have_a_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gains = {point: float(value) for point, value in zip(POINTS, rng.random(12), strict=True)}
    values = {point: float(value) for point, value in zip(POINTS, rng.random(12), strict=True)}
    some: dict[tuple[str, str, str], float | None] = {**values, POINTS[0]: None, POINTS[7]: None}
    kept = [point for point in POINTS if some[point] is not None]
    found = correlation(gains, some)
    expected = spearmanr([values[p] for p in kept], [gains[p] for p in kept]).statistic
    assert found["points"] == 10
    assert found["spearman"] == pytest.approx(expected)
    assert found["interval"][0] <= found["interval"][1]


def test_too_few_points_and_constant_values_have_no_correlation() -> None:
    gains = {point: float(number) for number, point in enumerate(POINTS)}
    assert correlation(gains, dict.fromkeys(POINTS)) == {"points": 0}
    assert correlation(dict.fromkeys(POINTS, 1.0), gains)["spearman"] is None


def test_what_a_measure_promises_is_what_its_authors_say() -> None:
    assert promising_sign("logme") == 1
    assert promising_sign("wasserstein") == -1


def noisy_scores(noise: float, rows: int = 400) -> dict[tuple[str, str], Any]:
    """Scores that are means over rows, about a truth that is the same in every row."""
    rng = np.random.default_rng(0)

    def scorer(values: NDArray[np.float64]) -> Callable[[NDArray[np.float64]], float]:
        return lambda counts: float(counts @ values / counts.sum())

    models = [*MODELS, *(f"{m}>{s}" for m in MODELS for s in TASKS)]
    return {
        (model, task): (scorer(rng.normal() + noise * rng.normal(size=rows)), rows)
        for model in models
        for task in TASKS
    }


def test_gains_without_noise_are_wholly_reliable() -> None:
    told = reliability(noisy_scores(0.0), POINTS)
    assert told == pytest.approx({"halves": 1.0, "whole": 1.0, "attainable": 1.0})


def test_noise_makes_gains_less_reliable() -> None:
    little, much = (reliability(noisy_scores(noise), POINTS) for noise in (5.0, 200.0))
    assert 0.5 < little["halves"] < little["whole"] < little["attainable"] < 1
    assert much["halves"] < 0.4


def test_a_score_of_an_unlucky_half_may_be_undefined() -> None:
    def undefined(counts: NDArray[np.float64]) -> float:
        if counts[0] and counts[1]:
            raise UndefinedMetricError("no row of the other class")
        return float(counts.sum())

    scores = noisy_scores(1.0)
    scores["m", "a"] = (undefined, 400)
    assert 0 < reliability(scores, POINTS)["halves"] <= 1


def test_no_half_with_all_scores_is_an_error() -> None:
    def undefined(counts: NDArray[np.float64]) -> float:
        raise UndefinedMetricError("never")

    with pytest.raises(ValueError, match="give tasks with more test rows"):
        reliability(noisy_scores(1.0) | {("m", "a"): (undefined, 400)}, POINTS)
