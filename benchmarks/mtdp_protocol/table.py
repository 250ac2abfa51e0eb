"""Medians over folds as Markdown, published figures beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from statistics import median

from benchmarks.mtdp_protocol.design import CASES, METRICS, NOTE, PROTOCOLS, PUBLISHED, RELEASED

Scores = Mapping[str, Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]]
"""Model -> task -> metric -> protocol -> values."""


def table(scores: Scores, protocols: Sequence[str]) -> list[str]:
    """Lines of Markdown, a table for each task and metric."""
    lines: list[str] = []
    for task, case in CASES.items():
        if not any(task in of_model for of_model in scores.values()):
            continue
        for metric in case.metrics:
            lines += _one(scores, task, metric, protocols)
    return [*lines, NOTE]


def _one(scores: Scores, task: str, metric: str, protocols: Sequence[str]) -> list[str]:
    columns = " | ".join(PROTOCOLS[protocol] for protocol in protocols)
    lines = [
        f"| {CASES[task].title}: {METRICS[metric]} | {columns} |",
        "|---|" + "---:|" * len(protocols),
    ]
    for model, of_model in scores.items():
        found = of_model.get(task, {}).get(metric, {})
        cells = " | ".join(_cell(found.get(protocol, ())) for protocol in protocols)
        lines.append(f"| {model} | {cells} |")
    if RELEASED in protocols:
        lines += _published(task, metric, protocols)
    return [*lines, ""]


def _published(task: str, metric: str, protocols: Sequence[str]) -> list[str]:
    return [
        f"| {model} † | "
        + " | ".join(
            f"{values[task, metric]:.3f} †" if protocol == RELEASED else ""
            for protocol in protocols
        )
        + " |"
        for model, values in PUBLISHED.items()
        if (task, metric) in values
    ]


def _cell(values: Sequence[float]) -> str:
    """Median of the folds, and the lowest and the highest; how many have no value."""
    known = [value for value in values if not isnan(value)]
    lost = len(values) - len(known)
    undefined = f" ({lost} undefined)" if lost else ""
    if not known:
        return undefined.strip()
    spread = f" [{min(known):.3f}, {max(known):.3f}]" if len(known) > 1 else ""
    return f"{median(known):.3f}{spread}{undefined}"
