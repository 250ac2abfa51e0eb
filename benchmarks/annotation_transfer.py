"""How well GO terms pass between neighbours in an embedding store, on the test split of a corpus.

    python -m benchmarks.annotation_transfer --corpus CORPUS --store STORE --out FILE

STORE holds the vectors of the whole corpus. Only train proteins pass terms on, test proteins are
asked. Beside the store's vectors, those of plain sequence composition are tried.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.protein_go.references import composition_matrix, label_frequency
from benchmarks.protein_go.report import Outcome, outcome
from benchmarks.protein_go.task import GROUPS, GoTask, go_tasks
from benchmarks.results import save_results
from multiprot.data import Corpus
from multiprot.embedding import EmbeddingStore
from multiprot.errors import DataError
from multiprot.search import NeighbourIndex, similarity
from multiprot.search.annotation_transfer import HALF_DISTANCE, confidences
from multiprot.search.options import Metric

NEIGHBOURS: Final = (1, 3, 10, 20, 50)
METRICS: Final[tuple[Metric, ...]] = ("cosine", "euclidean")


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """A store in memory, in the order of the corpus."""

    ids: tuple[str, ...]
    vectors: NDArray[np.float32]

    @property
    def width(self) -> int:
        """Channels of a vector."""
        return int(self.vectors.shape[1])

    def __len__(self) -> int:
        return len(self.ids)

    def chunks(self, *, residues: bool) -> Iterator[Vectors]:
        """All rows at once."""
        yield self


def transfers(
    kind: str, vectors: Vectors, task: GoTask, rows: NDArray[np.int64]
) -> Iterator[tuple[str, Outcome]]:
    """What each metric, scale and number of neighbours makes of some test proteins."""
    train = np.zeros(len(vectors), dtype=bool)
    train[task.train] = True
    for metric in METRICS:
        index = NeighbourIndex.build(vectors, metric=metric)
        most = index.search(vectors.vectors[rows], max(NEIGHBOURS), among=train)
        halves = {"": HALF_DISTANCE}
        if metric == "euclidean":
            median = float(np.median(most.distances[:, 0]))
            halves = {", half 0.5": HALF_DISTANCE, ", half median": median}
        for name, half in halves.items():
            similar = similarity(most.distances, metric, half)
            for k in NEIGHBOURS:
                scores = confidences(most.first(k), similar[:, :k], task.truth).toarray()
                yield f"{kind}, {metric}{name}, k={k}", outcome(task, rows, [scores])


def in_corpus_order(store: EmbeddingStore, corpus: Corpus) -> Vectors:
    """The store's vectors, row by row of the corpus."""
    row = {protein_id: number for number, protein_id in enumerate(store.ids)}
    missing = [protein_id for protein_id in corpus.ids if protein_id not in row]
    if missing:
        raise DataError(
            f"{store.folder}: has no {missing[0]!r} of {corpus.path}; embed the whole corpus"
        )
    order = [row[protein_id] for protein_id in corpus.ids]
    return Vectors(tuple(corpus.ids), store.vectors()[order])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.annotation_transfer")
    parser.add_argument("--corpus", type=Path, required=True, help="folder of `data build`")
    parser.add_argument("--store", type=Path, required=True, help="`embed` of that corpus")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    corpus, store = Corpus.open(arguments.corpus), EmbeddingStore.open(arguments.store)
    kinds = {
        "model": in_corpus_order(store, corpus),
        "composition": Vectors(tuple(corpus.ids), composition_matrix(corpus)[:, :20].copy()),
    }
    tasks = go_tasks(corpus)
    groups: dict[str, Any] = {}
    for group in GROUPS:
        fmax: dict[str, list[float]] = {}
        for task in tasks:
            rows = task.test[group]
            naive = outcome(task, rows, [label_frequency(task, rows)])
            found = {"label frequency": naive}
            for kind, vectors in kinds.items():
                found |= transfers(kind, vectors, task, rows)
            for name, result in found.items():
                fmax.setdefault(name, []).append(round(result.fmax, 4))
        groups[group] = {"proteins": [len(task.test[group]) for task in tasks], "fmax": fmax}
    figures = {"corpus": corpus.content_hash, "store": store.manifest["model"], "groups": groups}
    save_results(arguments.out, "benchmarks.annotation_transfer", figures)
    print(_table(groups))


def _table(groups: dict[str, Any]) -> str:
    lines = [f"| method | {' | '.join(groups)} |", "|---|---|---|"]
    for method in groups[GROUPS[0]]["fmax"]:
        cells = (" / ".join(f"{f:.3f}" for f in groups[g]["fmax"][method]) for g in groups)
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
