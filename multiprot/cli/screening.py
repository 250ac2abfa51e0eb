"""What `multiprot tasks screen` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprot.evaluation.tasks import Resemblance

Counts = Mapping[str, Counter[str]]
"""Split -> task -> proteins; under the task "" all that resemble any."""


def split_counts(found: Sequence[Resemblance], split_of: Mapping[str, str]) -> Counts:
    """Proteins that resemble a test protein, by split and task."""
    counts = {split: Counter[str]() for split in ("train", "valid", "test")}
    for each in found:
        counts[split_of[each.protein]][each.task] += 1
    for protein in {each.protein for each in found}:
        counts[split_of[protein]][""] += 1
    return counts


def told(counts: Counts, tasks: Sequence[str], proteins: int) -> Iterator[str]:
    """Lines of a table, and the sum."""
    width = max(map(len, tasks), default=0)
    yield f"{'':{width}} {'train':>8} {'valid':>8} {'test':>8}"
    for task in sorted(tasks):
        yield f"{task:{width}} " + " ".join(f"{counts[s][task]:>8,}" for s in counts)
    of_any = ", ".join(f"{counts[split]['']:,} {split}" for split in counts)
    yield f"of {proteins:,} proteins resemble a test protein: {of_any}"
