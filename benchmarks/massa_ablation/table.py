"""Models' scores as means over seeds, beside weights that nothing was learnt with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from benchmarks.massa_ablation.design import RANDOM
from benchmarks.massa_ablation.pretraining import Job

ScoreTable = Mapping[str, Mapping[str, float]]
"""Model -> task -> primary metric."""


def by_variant(jobs: Sequence[Job], scores: ScoreTable) -> dict[str, dict[str, list[float]]]:
    """Variant -> task -> one score for each seed."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for job in jobs:
        for task, value in scores.get(job.name, {}).items():
            found[job.variant.name][task].append(value)
    return {variant: dict(tasks) for variant, tasks in found.items()}


def table(found: Mapping[str, Mapping[str, Sequence[float]]], tasks: Sequence[str]) -> list[str]:
    """Lines of Markdown: mean ± standard deviation over seeds, and the gain over `RANDOM`."""
    lines = [f"| pretraining | {' | '.join(tasks)} |", "|---|" + "---:|" * len(tasks)]
    for variant, scores in found.items():
        cells = [_cell(scores.get(task, ()), found[RANDOM].get(task, ())) for task in tasks]
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    return lines


def beyond_noise(own: Sequence[float], random: Sequence[float]) -> bool:
    """Every seed is above every seed of random weights, and the means are two deviations apart."""
    if len(own) < 2 or len(random) < 2:
        return False
    spread = max(stdev(own), stdev(random))
    return min(own) > max(random) and fmean(own) - fmean(random) > 2 * spread


def _cell(own: Sequence[float], random: Sequence[float]) -> str:
    if not own:
        return ""
    spread = f" ± {stdev(own):.3f}" if len(own) > 1 else ""
    gain = "" if own is random or not random else f" ({fmean(own) - fmean(random):+.3f})"
    return f"{fmean(own):.3f}{spread}{gain}{' *' if beyond_noise(own, random) else ''}"
