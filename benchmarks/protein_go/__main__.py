"""Compare bundles with plain references on the held-out test split of a corpus.

    python -m benchmarks.protein_go --corpus CORPUS --bundle BUNDLE --bundle BUNDLE --out FILE

Bundles are seeds of one recipe; their figures are averaged. Without bundles the references alone
are computed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.protein_go.model_scores import VIEWS, BundleScorer
from benchmarks.protein_go.references import (
    alignment_hits,
    alignment_transfer,
    composition_matrix,
    composition_mlp,
    label_frequency,
)
from benchmarks.protein_go.report import Outcome, difference, outcome, table
from benchmarks.protein_go.task import GROUPS, GoTask, go_tasks
from benchmarks.results import save_results
from multiprot.data import Corpus

MLP_SEEDS = (1, 2, 3)
COMPARED = (
    ("fused", "label frequency"),
    ("fused", "composition MLP"),
    ("fused", "alignment transfer"),
    ("fused", "sequence only"),
    ("fused", "structure only"),
)


class Comparison:
    """Everything that is computed once for all namespaces and groups."""

    def __init__(self, corpus: Corpus, bundles: list[Path], device: str) -> None:
        self.corpus = corpus
        self.tasks = go_tasks(corpus)
        self._features = composition_matrix(corpus)
        self._scorers = [BundleScorer(path, corpus, device) for path in bundles]
        everyone = [rows for task in self.tasks for rows in task.test.values()]
        train = np.unique(np.concatenate([task.train for task in self.tasks]))
        self._hits = alignment_hits(corpus, np.unique(np.concatenate(everyone)), train)
        if self._hits is None:
            print("mmseqs2 is not installed: no alignment transfer", file=sys.stderr)

    def namespace(self, task: GoTask) -> dict[str, dict[str, Any]]:
        """Figures of one namespace, by group of test proteins."""
        rows = np.concatenate([task.test[group] for group in GROUPS])
        mlp = [composition_mlp(task, self._features, rows, seed) for seed in MLP_SEEDS]
        figures = {}
        for group in GROUPS:
            of_group = np.isin(rows, task.test[group])
            methods = self._methods(task, group, [scores[of_group] for scores in mlp])
            figures[group] = {
                "proteins": len(task.test[group]),
                "terms": len(task.terms),
                "methods": {name: found.to_json() for name, found in methods.items()},
                "differences": {
                    f"{a} - {b}": difference(methods[a], methods[b])
                    for a, b in COMPARED
                    if a in methods and b in methods
                },
            }
        return figures

    def _methods(
        self, task: GoTask, group: str, mlp: list[NDArray[np.float64]]
    ) -> dict[str, Outcome]:
        rows = task.test[group]
        found = {
            "label frequency": outcome(task, rows, [label_frequency(task, rows)]),
            "composition MLP": outcome(task, rows, mlp),
        }
        if self._hits is not None:
            transferred = alignment_transfer(task, self._hits, rows)
            found["alignment transfer"] = outcome(task, rows, [transferred])
        if not self._scorers:
            return found
        for name, modalities in VIEWS.items():
            # A protein without structure has one view only; some bundles know one modality only.
            known = all(scorer.knows(modalities) for scorer in self._scorers)
            if known and (group == "structure" or modalities == "all"):
                scores = (s.scores(task, rows, modalities) for s in self._scorers)
                found[name] = outcome(task, rows, scores)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.protein_go", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of `data build`")
    parser.add_argument("--bundle", type=Path, action="append", default=[], help="one per seed")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--device", default="cpu", help="where bundles run")
    arguments = parser.parse_args()
    comparison = Comparison(Corpus.open(arguments.corpus), arguments.bundle, arguments.device)
    groups: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
    for task in comparison.tasks:
        for group, figures in comparison.namespace(task).items():
            groups[group][task.namespace.value] = figures
    figures = {"corpus": comparison.corpus.content_hash, "groups": groups}
    results = save_results(arguments.out, "benchmarks.protein_go", figures)
    print(table(results))


if __name__ == "__main__":
    main()
