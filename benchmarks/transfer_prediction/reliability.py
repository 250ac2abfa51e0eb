"""How much of the gains is more than chance, told by how far halves of the test parts agree.

Gains are differences of two scores on some hundred proteins. Their Spearman correlation between
random halves of all test parts, brought to whole parts by Spearman and Brown's formula,
r = 2 r_half / (1 + r_half), is their reliability; no measure, however good, is expected to
correlate with them by more than its root (Spearman 1904, Am. J. Psychol. 15:72).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.transfer_prediction.correlation import Point
from multiprot.evaluation.comparison import EvaluateOptions, Outcome
from multiprot.evaluation.comparison.scoring import MetricScoring
from multiprot.evaluation.metrics.metric import Scorer, UndefinedMetricError

_HALVES: Final = 200

TestScores = Mapping[tuple[str, str], tuple[Scorer, int]]
"""Model, adapted or not, and task -> the score as a function of how often each test row counts, and
the number of rows."""


def test_scores(outcome: Outcome) -> TestScores:
    """Scores of the primary metric, from the predictions that cells keep."""
    return {key: _scorer(outcome, key) for key in outcome.folders}


def _scorer(outcome: Outcome, key: tuple[str, str]) -> tuple[Scorer, int]:
    scoring = MetricScoring(outcome.tasks[key[1]], EvaluateOptions())
    file = Path(outcome.folders[key]) / "linear-0-test.npz"
    with np.load(file, allow_pickle=False) as arrays:
        labels, predictions, groups = (arrays[n] for n in ("labels", "predictions", "groups"))
    scorers = scoring.scorers(labels, predictions.astype(np.float64), groups)
    return scorers[scoring.primary], len(labels)


def reliability(scores: TestScores, points: Sequence[Point]) -> dict[str, float]:
    """Agreement of halves and of whole test parts, and the correlation that is attainable."""
    rng = np.random.default_rng(0)
    sizes = {task: count for (_, task), (_, count) in scores.items()}
    found = []
    for _ in range(_HALVES):
        first = {task: rng.permutation(count) < count // 2 for task, count in sizes.items()}
        second = {task: ~kept for task, kept in first.items()}
        halves = [_gains(scores, points, kept) for kept in (first, second)]
        if not any(np.isnan(half).any() for half in halves):
            found.append(float(spearmanr(*halves).statistic))
    if not found:
        raise ValueError("no half of the test parts has all scores; give tasks with more test rows")
    half = max(0.0, float(np.mean(found)))
    whole = 2 * half / (1 + half)
    return {"halves": half, "whole": whole, "attainable": float(np.sqrt(whole))}


def _gains(
    scores: TestScores, points: Sequence[Point], kept: Mapping[str, NDArray[np.bool_]]
) -> NDArray[np.float64]:
    """[point]: gains as some of the rows tell them; NaN where they tell none."""

    def value(model: str, task: str) -> float:
        try:
            return scores[model, task][0](kept[task].astype(np.float64))
        except UndefinedMetricError:
            return float("nan")

    return np.array([value(f"{m}>{s}", t) - value(m, t) for m, s, t in points])
