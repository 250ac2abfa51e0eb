"""Models' scores as means over seeds, beside those of a baseline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from benchmarks.pretraining_matrix.pretraining import Job

ScoreTable = Mapping[str, Mapping[str, float]]
"""Model -> task -> primary metric."""


def by_variant(jobs: Sequence[Job], scores: ScoreTable) -> dict[str, dict[str, list[float]]]:
    """Variant -> task -> one score for each seed."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for job in jobs:
        for task, value in scores.get(job.name, {}).items():
            found[job.variant.name][task].append(value)
    return {variant: dict(tasks) for variant, tasks in found.items()}


def table(
    found: Mapping[str, Mapping[str, Sequence[float]]], tasks: Sequence[str], baseline: str
) -> list[str]:
    """Lines of Markdown: mean ± standard deviation over seeds, and the gain over the baseline."""
    lines = [f"| pretraining | {' | '.join(tasks)} |", "|---|" + "---:|" * len(tasks)]
    for variant, scores in found.items():
        cells = [_cell(scores.get(task, ()), found[baseline].get(task, ())) for task in tasks]
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    return lines


def beyond_noise(own: Sequence[float], baseline: Sequence[float]) -> bool:
    """Every seed is above every seed of the baseline, and the means are two deviations apart."""
    if len(own) < 2 or len(baseline) < 2:
        return False
    spread = max(stdev(own), stdev(baseline))
    return min(own) > max(baseline) and fmean(own) - fmean(baseline) > 2 * spread


def _cell(own: Sequence[float], baseline: Sequence[float]) -> str:
    if not own:
        return ""
    spread = f" ± {stdev(own):.3f}" if len(own) > 1 else ""
    gain = "" if own is baseline or not baseline else f" ({fmean(own) - fmean(baseline):+.3f})"
    return f"{fmean(own):.3f}{spread}{gain}{_mark(own, baseline)}"


def _mark(own: Sequence[float], baseline: Sequence[float]) -> str:
    if beyond_noise(own, baseline):
        return " *"
    return " †" if beyond_noise(baseline, own) else ""
