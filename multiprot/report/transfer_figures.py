"""Transferability as pictures: heat maps, rankings and curves over training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.report.figure import Figure, Trace, around, colour, short, shown, symbol
from multiprot.report.task_order import TaskTree, task_tree
from multiprot.report.transfer_file import (
    PairValue,
    TracePoint,
    TransferFile,
    known_measure,
    names_of,
)

Floats = NDArray[np.float64]

_MOST_WRITTEN: Final = 12
"""Tasks up to which a heat map's values are written into it."""
_SCALE_SHARE: Final = 0.82
"""Share of the height that is left for the matrix where a tree stands above it."""


def transfer_figures(told: TransferFile, owner: str) -> list[Figure]:
    """All plots of one file.

    A measure of pairs becomes a heat map, one of single sets or a ranking becomes a list of points
    with intervals, values of steps become curves.

    Parameters
    ----------
    told
        The file.
    owner
        Begins the figures' ids.
    """
    traced = dict(told.traces())
    figures = [
        _curves(f"{owner}-trace-{number}", measure, points)
        for number, (measure, points) in enumerate(traced.items())
    ]
    for number, measure in enumerate(told.measures):
        if measure in traced:
            continue
        pairs = told.of(measure)
        names = names_of(pairs, told.names)
        name = f"{owner}-measure-{number}"
        if _is_matrix(pairs) and told.verb == "matrix":
            figures.append(_heat_map(name, measure, pairs, names))
        else:
            figures.append(_ranking(name, measure, pairs))
    return figures


def _is_matrix(pairs: Sequence[PairValue]) -> bool:
    return any(pair.source and pair.source != pair.target for pair in pairs)


def value_matrix(
    pairs: Sequence[PairValue], names: Sequence[str], *, symmetric: bool
) -> tuple[Floats, dict[tuple[int, int], PairValue]]:
    """Values float64 [source, target], NaN where there are none, and the pair behind each place.

    A measure that is `symmetric` is in the file once for two places.
    """
    row = {name: number for number, name in enumerate(names)}
    found: dict[tuple[int, int], PairValue] = {}
    for pair in pairs:
        if pair.source:
            found[row[pair.source], row[pair.target]] = pair
    if symmetric:
        found = {(j, i): pair for (i, j), pair in found.items()} | found
    values = np.full((len(names), len(names)), np.nan)
    for place, pair in found.items():
        values[place] = np.nan if pair.value is None else pair.value
    return values, found


def _heat_map(name: str, measure: str, pairs: Sequence[PairValue], names: Sequence[str]) -> Figure:
    facts = known_measure(measure)
    values, found = value_matrix(pairs, names, symmetric=facts is not None and facts.symmetric)
    tree = task_tree(values)
    order = np.arange(len(names)) if tree is None else tree.order
    leaves = order.tolist()
    placed = {(i, j): found.get((leaves[i], leaves[j])) for i, j in np.ndindex(values.shape)}
    labels = [shown(names[number]) for number in leaves]
    data = [_cells(values[np.ix_(order, order)], placed, labels, measure)]
    if tree is not None:
        data.append(_branches(tree))
    direction = ""
    if facts is not None:
        direction = f"; {'larger' if facts.larger_is_better else 'smaller'} promises more"
    ordered = (
        "in the order of the file"
        if tree is None
        else "tasks with similar rows and columns stand side by side (average linkage)"
    )
    return Figure(
        id=name,
        title=measure,
        alt=f"Heat map of {measure} between {len(names)} tasks; the table has its values.",
        data=data,
        layout=_heat_layout(labels, tree),
        narrow=_numbered([names[number] for number in leaves]),
        height=180 + 34 * len(names),
        wide=True,
        note=f"{facts.summary if facts else measure}{direction}. Rows: source, columns: target; "
        f"{ordered}. ! marks an unstable value.",
    )


def _cells(
    values: Floats,
    placed: dict[tuple[int, int], PairValue | None],
    labels: list[str],
    measure: str,
) -> Trace:
    size = len(labels)
    texts = [[_written(placed[i, j]) for j in range(size)] for i in range(size)]
    hover = [
        [f"{labels[i]} to {labels[j]}<br>{_hover(placed[i, j], measure)}" for j in range(size)]
        for i in range(size)
    ]
    return {
        "type": "heatmap",
        "x": list(range(size)),
        "y": list(range(size)),
        "z": [[None if np.isnan(v) else float(v) for v in row] for row in values],
        "text": texts,
        "customdata": hover,
        "texttemplate": "%{text}" if size <= _MOST_WRITTEN else "",
        "hovertemplate": "%{customdata}<extra></extra>",
        "coloraxis": "coloraxis",
        "hoverongaps": True,
        "xgap": 1,
        "ygap": 1,
    }


def _written(pair: PairValue | None) -> str:
    if pair is None or pair.value is None:
        return ""
    return f"{pair.value:.2g}{'!' if pair.warnings else ''}"


def _hover(pair: PairValue | None, measure: str) -> str:
    if pair is None:
        return "not measured"
    if pair.value is None:
        return f"none: {shown(pair.problem or 'no reason is given')}"
    lines = [f"{shown(measure)} {pair.value:.4g}{interval(pair)}"]
    return "<br>".join([*lines, *(f"! {shown(warning)}" for warning in pair.warnings)])


def interval(point: PairValue | TracePoint) -> str:
    """The interval in brackets, empty if there is none."""
    if point.low is None or point.high is None:
        return ""
    return f" ({point.low:.4g} to {point.high:.4g})"


def _branches(tree: TaskTree) -> Trace:
    places: list[float | None] = []
    heights: list[float | None] = []
    for joint in tree.joints:
        places += [*(float(place) for place, _ in joint), None]
        heights += [*(float(height) for _, height in joint), None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": places,
        "y": heights,
        "yaxis": "y2",
        "line": {"color": "@muted", "width": 1},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _heat_layout(labels: list[str], tree: TaskTree | None) -> dict[str, Any]:
    ticks = {
        "tickvals": list(range(len(labels))),
        "ticktext": labels,
        "showgrid": False,
        "zeroline": False,
        "range": [-0.5, len(labels) - 0.5],
    }
    top = 1.0 if tree is None else _SCALE_SHARE
    down = {"range": [len(labels) - 0.5, -0.5], "domain": [0, top]}
    bar = {"thickness": 10, "outlinewidth": 0, "len": 0.8, "y": 0.4}
    layout: dict[str, Any] = {
        "xaxis": {**ticks, "tickangle": -40},
        "yaxis": {**ticks, **down},
        "coloraxis": {"colorscale": "Viridis", "colorbar": bar},
    }
    if tree is not None:
        layout["yaxis2"] = {"domain": [top + 0.02, 1], "visible": False, "rangemode": "tozero"}
    return layout


def _numbered(names: list[str]) -> dict[str, Any]:
    """Columns that are called by the numbers of rows, whose names are shortened."""
    numbers = [str(number) for number in range(1, len(names) + 1)]
    rows = [f"{shown(short(name))} {number}" for name, number in zip(names, numbers, strict=True)]
    return {
        "xaxis": {"ticktext": numbers, "tickangle": 0},
        "yaxis": {"ticktext": rows},
        "coloraxis": {"showscale": len(names) > _MOST_WRITTEN},
    }


def _ranking(name: str, measure: str, pairs: Sequence[PairValue]) -> Figure:
    facts = known_measure(measure)
    targets = {pair.target for pair in pairs}
    one_target = len(targets) == 1 and len(pairs) > 1
    kept = [pair for pair in pairs if pair.value is not None]
    best_last = facts is None or facts.larger_is_better
    kept.sort(key=lambda pair: pair.value or 0.0, reverse=not best_last)
    labels = [pair.from_where if one_target else pair.target for pair in kept]
    values = [pair.value for pair in kept]
    told = [f"{label} {pair.value:.3g}" for label, pair in zip(labels, kept, strict=True)]
    trace: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": values,
        "y": [shown(label) for label in labels],
        "error_x": around(values, [pair.low for pair in kept], [pair.high for pair in kept]),
        "marker": {"color": "@1", "size": 9},
        "customdata": [_hover(pair, measure) for pair in kept],
        "hovertemplate": "%{y}<br>%{customdata}<extra></extra>",
    }
    about = f", for {next(iter(targets))}" if one_target else ""
    return Figure(
        id=name,
        title=f"{measure}{about}",
        alt=f"{measure}{about}: {'; '.join(reversed(told)) or 'no value'}.",
        data=[trace],
        layout={"yaxis": {"type": "category"}, "xaxis": {"title": {"text": shown(measure)}}},
        height=110 + 26 * len(kept),
        note=f"{facts.summary}; the most promising on top." if facts else "",
    )


def _curves(name: str, measure: str, points: Sequence[TracePoint]) -> Figure:
    tasks = list(dict.fromkeys(point.task for point in points))
    data: list[Trace] = []
    for place, task in enumerate(tasks):
        of_task = sorted((p for p in points if p.task == task), key=lambda p: p.step)
        values = [point.value for point in of_task]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": shown(task),
                "x": [point.step for point in of_task],
                "y": values,
                "error_y": around(values, [p.low for p in of_task], [p.high for p in of_task])
                | {"color": colour(place)},
                "line": {"color": colour(place), "width": 2},
                "marker": {"color": colour(place), "symbol": symbol(place), "size": 7},
                "text": [f"{shown(task)}{interval(point)}" for point in of_task],
                "hovertemplate": "%{text}<br>step %{x}: %{y:.4g}<extra></extra>",
            }
        )
    return Figure(
        id=name,
        title=f"{measure} over training",
        alt=f"{measure} from the training proteins to {len(tasks)} tasks, by step of training.",
        data=data,
        layout={
            "xaxis": {"title": {"text": "step"}},
            "yaxis": {"title": {"text": shown(measure)}},
            "showlegend": True,
            "legend": {"orientation": "h", "y": -0.25},
        },
        height=380,
        wide=True,
    )
