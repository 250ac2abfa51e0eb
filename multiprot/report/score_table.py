"""The score table: a line for each task, split and probe, a column for each model."""

from __future__ import annotations

from dataclasses import dataclass

from multiprot.evaluation.comparison.exposure import Verdict
from multiprot.evaluation.comparison.results import MARKS
from multiprot.report.evaluation_file import (
    EvaluationFile,
    Line,
    Score,
    best_of,
    greater_is_better,
)

SIGNIFICANT = 0.05
"""Holm-corrected p-value below which a model is called worse than the best."""

_SEEN = "trained on test proteins of this task, or on proteins like them"
_UNKNOWN = "nobody wrote down what it was trained on"
_TOLD = {Verdict.SEEN: _SEEN, Verdict.UNKNOWN: _UNKNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCell:
    """A score as it is shown.

    Attributes
    ----------
    value, interval
        Texts; empty interval: there is none.
    order
        What the cell is sorted by; None: last.
    best
        The best of its line.
    near_best
        Not shown to be worse than the best by the paired test.
    mark, told
        Sign for what the model may have seen of the test proteins, and the same in words.
    """

    value: str
    interval: str = ""
    order: float | None = None
    best: bool = False
    near_best: bool = False
    mark: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLine:
    """A row of the table."""

    task: str
    split: str
    probe: str
    metric: str
    greater_is_better: bool
    rows: int
    cells: tuple[ScoreCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """The whole table, and what its signs mean.

    Attributes
    ----------
    models
        Columns.
    lines
        Rows.
    splits, probes
        Whether there is more than one of them, so that they must be shown.
    legend
        Sign and meaning of those that occur.
    """

    models: tuple[str, ...]
    lines: tuple[ScoreLine, ...]
    splits: bool
    probes: bool
    legend: tuple[tuple[str, str], ...]


def score_table(results: EvaluationFile) -> ScoreTable:
    """The table of the primary metrics."""
    near = _near_best(results)
    failed = {(failure.model, failure.task) for failure in results.failures}
    lines = tuple(
        _line(line, scores, results.models, near, failed) for line, scores in results.lines()
    )
    return ScoreTable(
        models=results.models,
        lines=lines,
        splits=len({line.split for line in lines}) > 1,
        probes=len({line.probe for line in lines}) > 1,
        legend=_legend(lines),
    )


def _near_best(results: EvaluationFile) -> set[tuple[Line, str]]:
    return {
        ((test.task, test.split, test.probe), test.model)
        for test in results.comparisons
        if test.p_value_holm is not None and test.p_value_holm >= SIGNIFICANT
    }


def _line(
    line: Line,
    scores: dict[str, Score],
    models: tuple[str, ...],
    near: set[tuple[Line, str]],
    failed: set[tuple[str, str]],
) -> ScoreLine:
    task, split, probe = line
    first = next(iter(scores.values()))
    best = best_of(scores)
    cells = tuple(
        _cell(scores[model], best, near_best=(line, model) in near)
        if model in scores
        else ScoreCell(value="failed" if (model, task) in failed else "—")
        for model in models
    )
    return ScoreLine(
        task=task,
        split=split,
        probe=probe,
        metric=first.metric,
        greater_is_better=greater_is_better(first.metric),
        rows=first.rows,
        cells=cells,
    )


def _cell(score: Score, best: set[str], *, near_best: bool) -> ScoreCell:
    interval = ""
    if score.low is not None and score.high is not None:
        interval = f"{number(score.low)} to {number(score.high)}"
    return ScoreCell(
        value="undefined" if score.value is None else number(score.value),
        interval=interval,
        order=score.value,
        best=score.model in best,
        near_best=near_best and score.model not in best,
        mark=MARKS[score.exposure],
        told=_TOLD.get(score.exposure, ""),
    )


def number(value: float) -> str:
    """Three digits behind the point, or four that count where the value is large."""
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.4g}"


def _legend(lines: tuple[ScoreLine, ...]) -> tuple[tuple[str, str], ...]:
    cells = [cell for line in lines for cell in line.cells]
    marks = {cell.mark: cell.told for cell in cells if cell.mark}
    found = [("bold", "best of the line")] if any(cell.best for cell in cells) else []
    if any(cell.near_best for cell in cells):
        found.append(("≈", "not shown to be worse than the best (paired test, Holm-corrected)"))
    return tuple(found + sorted(marks.items()))
