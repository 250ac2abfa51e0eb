"""CPU seconds for exact and approximate search, and what the approximate one finds.

    python -m benchmarks.neighbour_search --proteins 100000 --proteins 1000000 --out FILE

The vectors are made up: families around random centres, in memory. An approximate index is built
for a recall of 0.95 of the nearest 10, as `multiprot search --approximate` does. CPU seconds are
those of all threads; with OMP_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1 no thread waits for another,
and they hardly depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import save_results
from multiprot.search import NeighbourIndex
from multiprot.search.approximate import RECALL_AT

FAMILY: Final = 20
"""Proteins in a family, on average."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """A store in memory."""

    ids: tuple[str, ...]
    vectors: NDArray[np.float32]

    @property
    def width(self) -> int:
        """Channels of a vector."""
        return int(self.vectors.shape[1])

    def __len__(self) -> int:
        return len(self.ids)

    def chunks(self, *, residues: bool) -> Iterator[Vectors]:
        """A few thousand at a time."""
        for start in range(0, len(self), 4096):
            part = slice(start, start + 4096)
            yield Vectors(self.ids[part], self.vectors[part])


def families(proteins: int, width: int, seed: int) -> Vectors:
    """Random vectors in families."""
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((max(1, proteins // FAMILY), width), dtype=np.float32)
    vectors = 0.5 * generator.standard_normal((proteins, width), dtype=np.float32)
    vectors += centres[generator.integers(len(centres), size=proteins)]
    return Vectors(tuple(f"P{row}" for row in range(proteins)), vectors)


def figures(proteins: int, width: int, queries: int) -> dict[str, Any]:
    """All figures of one size."""
    store = families(proteins, width, seed=1)
    rows = np.arange(proteins)[:: max(1, proteins // queries)][:queries]
    asked, names = store.vectors[rows], [store.ids[row] for row in rows]
    exact_built, exact = _timed(lambda: NeighbourIndex.build(store))
    exact_seconds, true = _timed(lambda: exact.search(asked, RECALL_AT, query_ids=names))
    one_seconds, _ = _timed(lambda: exact.search(asked[:1], RECALL_AT))
    built, approximate = _timed(lambda: NeighbourIndex.build_approximate(store))
    seconds, found = _timed(lambda: approximate.search(asked, RECALL_AT, query_ids=names))
    hits = [len({*a} & {*b}) for a, b in zip(found.rows, true.rows, strict=True)]
    return {
        "proteins": proteins,
        "width": width,
        "queries": len(asked),
        "exact_build_cpu_s": exact_built,
        "exact_cpu_s": exact_seconds,
        "exact_one_query_cpu_s": one_seconds,
        "approximate_build_cpu_s": built,
        "approximate_cpu_s": seconds,
        "recall": round(float(np.mean(hits)) / RECALL_AT, 4),
    }


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    start = time.process_time()
    result = work()
    return round(time.process_time() - start, 3), result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.neighbour_search")
    parser.add_argument("--proteins", type=int, action="append", required=True)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    rows = [figures(n, arguments.width, arguments.queries) for n in arguments.proteins]
    save_results(arguments.out, "benchmarks.neighbour_search", {"sizes": rows})
    print(f"| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
    for row in rows:
        print(f"| {' | '.join(str(value) for value in row.values())} |")


if __name__ == "__main__":
    main()
