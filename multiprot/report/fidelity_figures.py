"""A fidelity card as pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from multiprot.fidelity.card import FidelityCard, Measured, TaskLine, TeacherFidelity
from multiprot.report.figure import Figure, Trace, around, colour, short, shown, symbol

_LINE_HEIGHT: Final = 30
_FRAME: Final = 80
"""CSS pixels of an axis with its title."""


def line_name(line: TaskLine, lines: Sequence[TaskLine]) -> str:
    """The task, with split and probe where the task has several."""
    same = [each for each in lines if each.task == line.task]
    parts = [line.task]
    if len({each.split for each in same}) > 1:
        parts.append(line.split)
    if len({each.probe for each in same}) > 1:
        parts.append(line.probe)
    return ", ".join(parts)


def task_figures(card: FidelityCard, owner: str) -> Iterator[Figure]:
    """Differences from the teachers' scores, and the shares of their gains that are retained."""
    tolerance = float(card.options["tolerance"])
    differences = [_differences(each, place) for place, each in enumerate(card.teachers, 1)]
    if any(trace["x"] for trace in differences):
        yield Figure(
            id=f"{owner}-differences",
            title="Score beside the teacher's",
            alt="Student's score less the teacher's, in percent of it; the table has the values.",
            data=differences,
            layout={
                **_ruled("difference, % of the teacher's score", differences),
                "shapes": [_band(-100 * tolerance, 100 * tolerance), _rule(0)],
            },
            height=_height(differences),
            wide=True,
            note=f"Right of 0 the student is better, whether or not a greater value is. Bars are "
            f"bootstrap intervals of the same test entries; the band is ±{100 * tolerance:g} %.",
        )
    shares = [_shares(each, place) for place, each in enumerate(card.teachers, 1)]
    if any(trace["x"] for trace in shares):
        rules = [_rule(0), _rule(1)]
        if card.min_retained is not None:
            rules.append({**_rule(card.min_retained), "line": {"color": "@accent", "dash": "dot"}})
        yield Figure(
            id=f"{owner}-retained",
            title="Share of the teacher's gain that is retained",
            alt="(student - random) / (teacher - random) of each task; the table has the values.",
            data=shares,
            layout={**_ruled("0: random weights, 1: the teacher", shares), "shapes": rules},
            height=_height(shares),
            wide=True,
            note="Where the teacher is clearly better than random weights; hollow points do not "
            "count for the mean.",
        )


def vector_figures(card: FidelityCard, owner: str) -> Iterator[Figure]:
    """Overlap of neighbours by how many, and a histogram of cosines for each unit."""
    yield _overlap_figure(card, owner)
    for unit, title in (("protein", "proteins"), ("residue", "residues")):
        yield _histogram(card, owner, unit, title)


def speed_figure(card: FidelityCard, owner: str) -> Figure:
    """What is retained against residues per second; every teacher retains all of itself."""
    points = [
        _point(each.model.name, place, each.model.speed.residues_per_second, 1.0)
        for place, each in enumerate(card.teachers, 1)
    ]
    speed = card.student.speed.residues_per_second
    shares = [share.value for each in card.teachers if (share := each.retained.share) is not None]
    known = [share for share in shares if share is not None]
    if known:
        points.insert(0, _point(card.student.name, 0, speed, min(known)))
    speeds = [point["x"][0] for point in points]
    margin = max(0.3, 0.2 * math.log10(max(speeds) / min(speeds)))
    return Figure(
        id=f"{owner}-retained-speed",
        title="What is retained, and how fast it is",
        alt="; ".join(f"{point['name']} at {point['x'][0]:,.0f} residues/s" for point in points),
        data=points,
        layout={
            "xaxis": {
                "type": "log",
                "title": {"text": "residues per second"},
                "dtick": 1,
                "range": [math.log10(min(speeds)) - margin, math.log10(max(speeds)) + margin],
            },
            "yaxis": {
                "title": {"text": "share of the teacher's gain"},
                "tickformat": ".0%",
                "rangemode": "tozero",
            },
        },
        height=320,
        wide=True,
        note="" if known else "The student has no point: there is no gain to retain.",
    )


def _differences(teacher: TeacherFidelity, place: int) -> Trace:
    lines = [x for x in teacher.lines if x.difference.value is not None and x.teacher.value]
    scaled = [_scaled(x.difference, 100 / abs(x.teacher.value or 1.0)) for x in lines]
    names = [line_name(x, teacher.lines) for x in lines]
    told = [f"{_told(x.student)} beside {_told(x.teacher)} ({shown(x.metric)})" for x in lines]
    trace = _dots(teacher.model.name, place, names, scaled, told)
    trace["hovertemplate"] = f"%{{y}}<br>{trace['name']}: %{{x:.2f}} %<br>%{{text}}<extra></extra>"
    return trace


def _shares(teacher: TeacherFidelity, place: int) -> Trace:
    lines = [x for x in teacher.lines if x.retained is not None]
    names = [line_name(x, teacher.lines) for x in lines]
    values = [x.retained for x in lines if x.retained is not None]
    trace = _dots(teacher.model.name, place, names, values, [shown(x.why) for x in lines])
    if not all(x.counted for x in lines):
        symbols = [symbol(place) + ("" if x.counted else "-open") for x in lines]
        trace["marker"]["symbol"] = symbols
    trace["hovertemplate"] = f"%{{y}}<br>{trace['name']}: %{{x:.3f}}<br>%{{text}}<extra></extra>"
    return trace


def _dots(
    name: str, place: int, labels: list[str], values: list[Measured], told: list[str]
) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": shown(name),
        "x": [each.value for each in values],
        "y": [shown(label) for label in labels],
        "error_x": around(
            [each.value for each in values],
            [each.low for each in values],
            [each.high for each in values],
        ),
        "text": told,
        "marker": {"color": colour(place), "symbol": symbol(place), "size": 10},
    }


def _ruled(title: str, traces: Sequence[Trace]) -> dict[str, Any]:
    """Layout of dots over names, the first of them on top."""
    names = list(dict.fromkeys(name for trace in traces for name in trace["y"]))
    return {
        "xaxis": {"title": {"text": title}, "zeroline": False},
        "yaxis": {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": names[::-1],
            "tickvals": names,
            "ticktext": [short(name) for name in names],
            "range": [-0.6, len(names) - 0.4],
        },
    }


def _height(traces: Sequence[Trace]) -> int:
    return _FRAME + _LINE_HEIGHT * len({name for trace in traces for name in trace["y"]})


def _rule(place: float) -> dict[str, Any]:
    line = {"color": "@muted", "width": 1}
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": place,
        "x1": place,
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": line,
    }


def _band(low: float, high: float) -> dict[str, Any]:
    edges = {"xref": "x", "yref": "paper", "x0": low, "x1": high, "y0": 0, "y1": 1}
    return {
        "type": "rect",
        **edges,
        "layer": "below",
        "fillcolor": "@line",
        "opacity": 0.6,
        "line": {"width": 0},
    }


def _overlap_figure(card: FidelityCard, owner: str) -> Figure:
    traces = []
    for place, teacher in enumerate(card.teachers, 1):
        overlaps = teacher.agreement.overlaps
        shares = [each.share for each in overlaps]
        values = [each.value for each in shares]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": shown(teacher.model.name),
                "x": [each.k for each in overlaps],
                "y": values,
                "error_y": around(
                    values, [each.low for each in shares], [each.high for each in shares]
                ),
                "line": {"color": colour(place)},
                "marker": {"color": colour(place), "symbol": symbol(place), "size": 7},
                "hovertemplate": "%{x} nearest: %{y:.1%} in common<extra></extra>",
            }
        )
    chance = card.teachers[0].agreement.overlaps
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "chance",
            "x": [each.k for each in chance],
            "y": [each.chance for each in chance],
            "line": {"color": "@muted", "dash": "dot"},
            "hovertemplate": "%{x} nearest: %{y:.1%} by chance<extra></extra>",
        }
    )
    ticks = [each.k for each in chance]
    return Figure(
        id=f"{owner}-overlap",
        title="Nearest proteins in common",
        alt="Share of the k nearest proteins that student and teacher have in common, by k.",
        data=traces,
        layout={
            "xaxis": {
                "type": "log",
                "title": {"text": "nearest proteins (k)"},
                "tickvals": ticks,
                "ticktext": [str(k) for k in ticks],
            },
            "yaxis": {"title": {"text": "in common"}, "tickformat": ".0%", "rangemode": "tozero"},
        },
        note="By cosine, among the proteins given. Dotted: what chance gives.",
    )


def _histogram(card: FidelityCard, owner: str, unit: str, title: str) -> Figure:
    traces = []
    for place, teacher in enumerate(card.teachers, 1):
        found = getattr(teacher.agreement, f"{unit}_cosine")
        width = 2 / len(found.histogram)
        traces.append(
            {
                "type": "bar",
                "name": shown(teacher.model.name),
                "x": [-1 + width * (i + 0.5) for i in range(len(found.histogram))],
                "y": [count / found.rows for count in found.histogram],
                "width": width,
                "opacity": 1 if len(card.teachers) == 1 else 0.6,
                "marker": {"color": colour(place)},
                "hovertemplate": "cosine near %{x:.2f}: %{y:.1%}<extra></extra>",
            }
        )
    return Figure(
        id=f"{owner}-{unit}-cosine",
        title=f"Cosine to the teacher, {title}",
        alt=f"Histogram of centred cosines of {title}; the table has their means.",
        data=traces,
        layout={
            "xaxis": {"title": {"text": "cosine after the best linear map"}, "range": [-1, 1]},
            "yaxis": {"title": {"text": f"share of {title}"}, "tickformat": ".0%"},
            "barmode": "overlay",
        },
        note="The teacher's mean vector is taken away first; the map was fitted on other proteins.",
    )


def _point(name: str, place: int, speed: float, share: float) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": shown(name),
        "x": [speed],
        "y": [share],
        "text": [shown(name)],
        "textposition": "bottom center",
        "cliponaxis": False,
        "marker": {"color": colour(place), "symbol": symbol(place), "size": 12},
        "hovertemplate": "%{text}<br>%{y:.1%}<br>%{x:,.0f} residues per second<extra></extra>",
    }


def _scaled(measured: Measured, factor: float) -> Measured:
    ends = (measured.value, measured.low, measured.high)
    value, low, high = (None if each is None else factor * each for each in ends)
    return Measured(value=value, low=low, high=high)


def _told(measured: Measured) -> str:
    return "undefined" if measured.value is None else f"{measured.value:.3f}"
