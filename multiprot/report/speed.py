"""What is left of the best score, against how fast a model embeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from multiprot.config.keys import unknown_name
from multiprot.errors import ReportError
from multiprot.report.evaluation_file import (
    CellTimes,
    EvaluationFile,
    Score,
    best_of,
    greater_is_better,
)
from multiprot.report.figure import Figure, Trace, colour, shown, symbol
from multiprot.report.json_file import read_object


@dataclass(frozen=True, slots=True)
class RetainedScores:
    """Score of each model relative to the best.

    Attributes
    ----------
    shares
        Model -> mean over the lines used; 1 is a model that is the best on each.
    lines
        How many tasks, splits and probes were used.
    left_out
        How many could not be: the best is not above 0, or not all models have a score.
    """

    shares: Mapping[str, float]
    lines: int
    left_out: int


def read_speeds(path: Path, known: Sequence[str]) -> dict[str, float]:
    """Residues per second of models, from a JSON object.

    Parameters
    ----------
    path
        The file.
    known
        Models of the evaluations.

    Raises
    ------
    ReportError
        If a value is no positive number, or a model is in no evaluation.
    """
    speeds = {}
    for model, value in read_object(path).items():
        if model not in known:
            raise ReportError(f"{path}: {unknown_name('model of an evaluation', model, known)}")
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not 0 < value < math.inf:
            raise ReportError(
                f"{path}: {model}: {value!r} is no speed; give residues per second, above 0"
            )
        speeds[model] = float(value)
    return speeds


def measured_speeds(cells: Sequence[CellTimes]) -> dict[str, float]:
    """Residues per second of the models whose cells say both residues and seconds."""
    residues: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for cell in cells:
        if cell.residues_embedded and cell.seconds_embedding:
            residues[cell.model] = residues.get(cell.model, 0) + cell.residues_embedded
            seconds[cell.model] = seconds.get(cell.model, 0.0) + cell.seconds_embedding
    return {model: residues[model] / seconds[model] for model in residues}


def retained_scores(results: EvaluationFile) -> RetainedScores:
    """Mean of score over best score, or of best over score where smaller is better.

    Only lines on which all models that have any score have one are used, and only where the best is
    above 0: a share of nothing, or of something negative, means nothing.
    """
    models = [m for m in results.models if any(s.model == m for s in results.primary)]
    shares: dict[str, list[float]] = {model: [] for model in models}
    total = used = 0
    for _, scores in results.lines():
        total += 1
        found = _shares(scores, models)
        if found is None:
            continue
        used += 1
        for model, share in found.items():
            shares[model].append(share)
    means = {model: sum(each) / len(each) for model, each in shares.items() if each}
    return RetainedScores(means, used, total - used)


def _shares(scores: Mapping[str, Score], models: Sequence[str]) -> dict[str, float] | None:
    values = {model: score.value for model, score in scores.items() if score.value is not None}
    if set(values) != set(models):
        return None
    best = values[next(iter(best_of(dict(scores))))]
    if greater_is_better(next(iter(scores.values())).metric):
        return {m: v / best for m, v in values.items()} if best > 0 else None
    return {m: best / v for m, v in values.items()} if best > 0 else None


def speed_figure(
    retained: RetainedScores, speeds: Mapping[str, float], models: Sequence[str], owner: str
) -> Figure | None:
    """A point for each model with both; None if there is none."""
    both = [model for model in models if model in retained.shares and model in speeds]
    if not both:
        return None
    told = [f"{model} {retained.shares[model]:.0%} at {speeds[model]:,.0f}" for model in both]
    return Figure(
        id=f"{owner}-speed",
        title="Score against speed",
        alt=f"Retained score and residues per second: {'; '.join(told)}.",
        data=[
            _point(model, models.index(model), speeds[model], retained.shares[model])
            for model in both
        ],
        layout={
            "xaxis": {
                "type": "log",
                "title": {"text": "residues per second"},
                "dtick": 1,
                "range": _decades([speeds[model] for model in both]),
            },
            "yaxis": {"title": {"text": "score, share of the best"}, "tickformat": ".0%"},
        },
        height=340,
        wide=True,
    )


def _decades(speeds: Sequence[float]) -> list[float]:
    """A range of the logarithm that leaves room for the names of the outermost points."""
    least, most = math.log10(min(speeds)), math.log10(max(speeds))
    margin = max(0.3, 0.2 * (most - least))
    return [least - margin, most + margin]


def _point(model: str, place: int, speed: float, share: float) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": shown(model),
        "x": [speed],
        "y": [share],
        "text": [shown(model)],
        "textposition": "top center",
        "cliponaxis": False,
        "marker": {"color": colour(place), "symbol": symbol(place), "size": 12},
        "hovertemplate": "%{text}<br>%{y:.1%} of the best<br>%{x:,.0f} residues per second"
        "<extra></extra>",
    }
