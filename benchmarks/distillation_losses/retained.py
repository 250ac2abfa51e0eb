"""How much of what a teacher is worth its students keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median, stdev
from typing import Final

LEAST: Final = 0.01
"""A teacher must be so much above random weights, else a share of the difference says nothing."""

ByTask = Mapping[str, Sequence[float]]
"""Task -> one score for each seed."""


def retained(student: ByTask, random: ByTask, teacher: ByTask) -> dict[str, float]:
    """Task -> (student - random) / (teacher - random), means over seeds.

    Of tasks that all three have and on which the teacher is above random weights: by more than 0.01
    and by two deviations of the seeds of these.
    """
    found = {}
    for task in student:
        if not (random.get(task) and teacher.get(task)):
            continue
        low = fmean(random[task])
        gap = fmean(teacher[task]) - low
        noise = stdev(random[task]) if len(random[task]) > 1 else 0.0
        if gap > max(LEAST, 2 * noise):
            found[task] = (fmean(student[task]) - low) / gap
    return found


def column(
    scores: Mapping[str, ByTask], random: str, teacher: str
) -> dict[str, tuple[float, int] | None]:
    """Variant -> median over the tasks of what is retained, and over how many; None for none."""
    found: dict[str, tuple[float, int] | None] = {}
    for variant, own in scores.items():
        shares = retained(own, scores.get(random, {}), scores.get(teacher, {}))
        found[variant] = (median(shares.values()), len(shares)) if shares else None
    return found


def with_column(lines: Sequence[str], cells: Mapping[str, tuple[float, int] | None]) -> list[str]:
    """A table of `pretraining_matrix` with one more column; rows are in the order of `cells`."""
    told = ["" if cell is None else f"{cell[0]:.0%} ({cell[1]})" for cell in cells.values()]
    ends = [" retained (tasks) |", "---:|", *(f" {each} |" for each in told)]
    return [line + end for line, end in zip(lines, ends, strict=True)]
