"""Training curves: a plot for each logged value, all runs in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from multiprot.report.figure import Figure, Trace, colour, shown
from multiprot.report.training_logs import LogTable, TrainingRun

MOST_POINTS: Final = 1000
"""Of a curve; a longer one is shown by as many of its rows, evenly spaced."""

_BASELINE: Final = "baseline_"
_OF_TIMING: Final = ("residues_per_second", "seconds_per_batch")
_LINES: Final = {"train": ("solid", 0.45, "lines"), "valid": ("solid", 1.0, "lines+markers")}


def training_figures(runs: Mapping[str, TrainingRun], owner: str) -> list[Figure]:
    """A plot for each column of train.csv and valid.csv, and for the speed.

    A column such as accuracy has the column baseline_accuracy in its plot, dotted.

    Parameters
    ----------
    runs
        Name -> run.
    owner
        Begins the figures' ids.
    """
    names: dict[str, None] = {}
    for run in runs.values():
        for table in ("valid", "train"):
            if table in run.tables:
                names |= dict.fromkeys(run.tables[table].columns)
    shown_names = [name for name in names if not _leaf(name).startswith(_BASELINE)]
    figures = [
        figure
        for number, name in enumerate(shown_names)
        if (figure := _curve_figure(f"{owner}-curve-{number}", name, runs)) is not None
    ]
    for name in _OF_TIMING:
        data = [
            trace
            for place, (run_name, run) in enumerate(runs.items())
            if "timing" in run.tables
            for trace in _curves(run_name, run.tables["timing"], name, place, "train")
        ]
        if data:
            figures.append(_figure(f"{owner}-{name}", name.replace("_", " "), data))
    return figures


def _leaf(name: str) -> str:
    return name.rpartition("/")[2]


def _curve_figure(identity: str, name: str, runs: Mapping[str, TrainingRun]) -> Figure | None:
    data: list[Trace] = []
    group, slash, leaf = name.rpartition("/")
    baseline = f"{group}{slash}{_BASELINE}{leaf}"
    for place, (run_name, run) in enumerate(runs.items()):
        for table in ("train", "valid"):
            if table in run.tables:
                data += _curves(run_name, run.tables[table], name, place, table)
        if "valid" in run.tables:
            data += _curves(run_name, run.tables["valid"], baseline, place, "baseline")
    return _figure(identity, name, data) if data else None


def _curves(run: str, table: LogTable, column: str, place: int, part: str) -> list[Trace]:
    """The curve of a column, or none if the table has no value of it."""
    values = table.columns.get(column, ())
    kept = [(s, v) for s, v in zip(table.steps, values, strict=False) if v is not None]
    if not kept:
        return []
    rows = np.unique(np.linspace(0, len(kept) - 1, min(len(kept), MOST_POINTS)).astype(int))
    dash, opacity, mode = _LINES.get(part, ("dot", 0.8, "lines"))
    return [
        {
            "type": "scatter",
            "mode": mode if len(rows) > 1 else "markers",
            "name": f"{shown(run)}, {part}",
            "x": [kept[row][0] for row in rows],
            "y": [kept[row][1] for row in rows],
            "line": {"color": colour(place), "dash": dash, "width": 1.5 if part == "train" else 2},
            "marker": {"color": colour(place), "size": 5},
            "opacity": opacity,
            "hovertemplate": f"{shown(run)}, {part}<br>step %{{x:,}}: %{{y:.4g}}<extra></extra>",
        }
    ]


def _figure(identity: str, name: str, data: list[Trace]) -> Figure:
    ends = [f"{trace['y'][0]:.4g} to {trace['y'][-1]:.4g}" for trace in data]
    return Figure(
        id=identity,
        title=name,
        alt=f"{name} by step of training, first to last: {'; '.join(ends)}.",
        data=data,
        layout={"xaxis": {"title": {"text": "step"}, "rangemode": "tozero"}},
        height=220,
    )
