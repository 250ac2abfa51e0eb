"""Scores as pictures: bars with intervals for each task, and a radar over tasks."""

from __future__ import annotations

from typing import Final

from multiprot.report.evaluation_file import EvaluationFile, Score, greater_is_better
from multiprot.report.figure import Figure, Trace, around, colour, pattern, short, shown
from multiprot.report.score_table import number

_SHARES: Final = (
    *("accuracy", "balanced_accuracy", "subset_accuracy", "precision", "recall"),
    *("f1", "f1_macro", "f1_micro", "f1_max", "auroc", "auprc", "auprc_micro"),
    "concordance_index",
)
"""Metrics from 0 to 1 of which 1 is best, so that they may share the axis of a radar."""

_LEAST_TASKS: Final = 3
"""A radar of two tasks would be a line."""


def task_figures(results: EvaluationFile, owner: str) -> list[Figure]:
    """A bar plot for each task and split; several probes stand side by side.

    Parameters
    ----------
    results
        The evaluation.
    owner
        Begins the figures' ids.
    """
    places: dict[tuple[str, str], dict[str, dict[str, Score]]] = {}
    for (task, split, probe), scores in results.lines():
        places.setdefault((task, split), {})[probe] = scores
    several = len({split for _, split in places}) > 1
    return [
        _bars(f"{owner}-task-{i}", f"{task}, {split}" if several else task, probes, results)
        for i, ((task, split), probes) in enumerate(places.items())
    ]


def _bars(
    name: str, title: str, probes: dict[str, dict[str, Score]], results: EvaluationFile
) -> Figure:
    metric = next(score.metric for scores in probes.values() for score in scores.values())
    data = [
        _bar_trace(model, place, probes)
        for place, model in enumerate(results.models)
        if any(model in scores for scores in probes.values())
    ]
    told = [
        f"{score.model} {number(score.value)}"
        for scores in probes.values()
        for score in scores.values()
        if score.value is not None
    ]
    better = "greater" if greater_is_better(metric) else "smaller"
    layout = {
        "barmode": "group",
        "xaxis": {"type": "category", "showgrid": False, "visible": len(probes) > 1},
        "yaxis": {"title": {"text": shown(metric)}, "zeroline": True},
        "bargap": 0.15,
        "margin": {"l": 46, "r": 10, "t": 8, "b": 34 if len(probes) > 1 else 10},
    }
    return Figure(
        id=name,
        title=title,
        alt=f"Bars of {metric} on {title}, {better} is better: {'; '.join(told) or 'no score'}.",
        data=data,
        layout=layout,
        height=230,
        note=f"{metric}, {better} is better",
    )


def _bar_trace(model: str, place: int, probes: dict[str, dict[str, Score]]) -> Trace:
    scores = {probe: found[model] for probe, found in probes.items() if model in found}
    values = [score.value for score in scores.values()]
    lows = [score.low for score in scores.values()]
    highs = [score.high for score in scores.values()]
    return {
        "type": "bar",
        "name": shown(model),
        "x": [shown(probe) for probe in scores],
        "y": values,
        "error_y": around(values, lows, highs),
        "marker": {"color": colour(place), "pattern": {"shape": pattern(place)}},
        "text": [_told(score) for score in scores.values()],
        "textposition": "none",
        "hovertemplate": f"{shown(model)}<br>%{{text}}<extra></extra>",
    }


def _told(score: Score) -> str:
    value = "undefined" if score.value is None else number(score.value)
    if score.low is None or score.high is None:
        return f"{shown(score.metric)} {value}"
    return f"{shown(score.metric)} {value} ({number(score.low)} to {number(score.high)})"


def radar_figure(results: EvaluationFile, owner: str) -> Figure | None:
    """All models over the tasks whose primary metric goes from 0 to 1; None if there are not three.

    Of several splits and probes the first of each task is shown.
    """
    shares: dict[str, dict[str, Score]] = {}
    for (task, _, _), scores in results.lines():
        metric = next(iter(scores.values())).metric
        if metric.removesuffix("_per_protein") in _SHARES:
            shares.setdefault(task, scores)
    if len(shares) < _LEAST_TASKS:
        return None
    data = [
        _spoke(model, place, shares)
        for place, model in enumerate(results.models)
        if any(model in scores for scores in shares.values())
    ]
    return Figure(
        id=f"{owner}-radar",
        title="All tasks at a glance",
        alt=f"Radar of {len(data)} models over {len(shares)} tasks; the table has its values.",
        data=data,
        layout={
            "polar": {
                "radialaxis": {
                    "range": [0, 1],
                    "tickvals": [0.25, 0.5, 0.75, 1],
                    "angle": 90,
                    "tickangle": 90,
                },
                "angularaxis": {
                    "direction": "clockwise",
                    "rotation": 90,
                    "type": "category",
                    "tickvals": [shown(task) for task in shares],
                    "ticktext": [shown(short(task)) for task in shares],
                },
            },
            "margin": {"l": 110, "r": 110, "t": 30, "b": 30},
        },
        narrow={
            "polar": {"angularaxis": {"ticktext": [str(i + 1) for i in range(len(shares))]}},
            "margin": {"l": 24, "r": 24, "t": 24, "b": 24},
        },
        height=360,
        wide=True,
        note=f"Tasks whose primary metric goes from 0 to 1, first split and probe: "
        f"{', '.join(_numbered(shares))}.",
    )


def _numbered(shares: dict[str, dict[str, Score]]) -> list[str]:
    return [f"{i} {task} ({_metric(found)})" for i, (task, found) in enumerate(shares.items(), 1)]


def _metric(scores: dict[str, Score]) -> str:
    return next(iter(scores.values())).metric


def _spoke(model: str, place: int, shares: dict[str, dict[str, Score]]) -> Trace:
    values = [scores[model].value if model in scores else None for scores in shares.values()]
    tasks = [shown(task) for task in shares]
    return {
        "type": "scatterpolar",
        "name": shown(model),
        "r": [*values, values[0]],
        "theta": [*tasks, tasks[0]],
        "mode": "lines+markers",
        "line": {"color": colour(place), "dash": "solid" if place < 10 else "dot"},
        "marker": {"color": colour(place), "size": 6},
        "hovertemplate": f"{shown(model)}<br>%{{theta}}: %{{r:.3f}}<extra></extra>",
    }
