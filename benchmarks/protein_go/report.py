"""From scores to a table: every method on every namespace and group, and paired differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.protein_go.metrics import ThresholdCurves, filtered_ranks, interval, resamples
from benchmarks.protein_go.task import GoTask

RECALL_AT = 10
BOOTSTRAPS = 2000
BOOTSTRAP_SEED = 20240717


@dataclass(frozen=True, slots=True)
class Outcome:
    """One method on one namespace and group; with several seeds, means over them.

    Attributes
    ----------
    fmax
        Protein-centric Fmax.
    by_seed
        The same, seed by seed.
    reciprocal_rank, recall_at_10
        Means over the most specific true terms of each protein, then over proteins.
    resampled
        float64 [resample]: Fmax on each bootstrap resample of the proteins, the same resamples for
        every method.
    """

    fmax: float
    by_seed: tuple[float, ...]
    reciprocal_rank: float
    recall_at_10: float
    resampled: NDArray[np.float64] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """All but the resamples, and the interval they give."""
        return {
            "fmax": round(self.fmax, 4),
            "fmax_interval": [round(bound, 4) for bound in interval(self.resampled)],
            "fmax_by_seed": [round(value, 4) for value in self.by_seed],
            "mrr": round(self.reciprocal_rank, 4),
            "recall_at_10": round(self.recall_at_10, 4),
        }


def outcome(
    task: GoTask, rows: NDArray[np.int64], scores_by_seed: Iterable[NDArray[np.float64]]
) -> Outcome:
    """Measure one method; scores are float64 [protein, term], one matrix for each seed."""
    truth, leaves = task.labels(rows), task.leaves(rows)
    counts = resamples(len(rows), BOOTSTRAPS, BOOTSTRAP_SEED)
    fmax, resampled, reciprocal, recall = [], [], [], []
    for raw in scores_by_seed:
        scores = task.propagate(raw)
        curves = ThresholdCurves.of(scores, truth)
        fmax.append(float(curves.fmax()[0]))
        resampled.append(curves.fmax(counts))
        ranks = filtered_ranks(scores, truth, leaves)
        reciprocal.append(np.mean([np.mean(1 / r) for r in ranks]))
        recall.append(np.mean([np.mean(r <= RECALL_AT) for r in ranks]))
    return Outcome(
        fmax=float(np.mean(fmax)),
        by_seed=tuple(fmax),
        reciprocal_rank=float(np.mean(reciprocal)),
        recall_at_10=float(np.mean(recall)),
        resampled=np.mean(resampled, axis=0),
    )


def difference(better: Outcome, worse: Outcome) -> dict[str, Any]:
    """Fmax of `better` minus `worse` on the same proteins, with its paired bootstrap interval."""
    low, high = interval(better.resampled - worse.resampled)
    return {
        "difference": round(better.fmax - worse.fmax, 4),
        "interval": [round(low, 4), round(high, 4)],
    }


def table(results: Mapping[str, Any]) -> str:
    """Markdown: one table of figures and one of differences for each group of proteins."""
    lines: list[str] = []
    for group, namespaces in results["groups"].items():
        names = list(namespaces)
        sizes = " / ".join(str(namespaces[name]["proteins"]) for name in names)
        lines += [f"\n{group}: {sizes} test proteins ({' / '.join(names)})\n"]
        lines += ["| method | Fmax | MRR | recall@10 |", "|---|---|---|---|"]
        for method in namespaces[names[0]]["methods"]:
            cells = [namespaces[name]["methods"][method] for name in names]
            columns = [
                " / ".join(f"{cell[key]:.3f}" for cell in cells)
                for key in ("fmax", "mrr", "recall_at_10")
            ]
            lines.append(f"| {method} | {' | '.join(columns)} |")
        lines += ["", f"| Fmax difference | {' | '.join(names)} |", "|---|---|---|---|"]
        for pair in namespaces[names[0]]["differences"]:
            lines.append(f"| {pair} | {' | '.join(_cell(namespaces[n], pair) for n in names)} |")
    return "\n".join(lines)


def _cell(namespace: Mapping[str, Any], pair: str) -> str:
    found = namespace["differences"][pair]
    low, high = found["interval"]
    return f"{found['difference']:+.3f} ({low:+.3f} to {high:+.3f})"
