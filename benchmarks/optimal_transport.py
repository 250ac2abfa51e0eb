"""Seconds, memory and accuracy of the solvers for large sets.

    python -m benchmarks.optimal_transport --out FILE            # 500, 2,000, 10,000 and 50,000
    python -m benchmarks.optimal_transport --quick --out FILE    # 500 and 2,000

Two sets of made-up vectors in clusters, of which the second has other proteins and other shares of
the clusters, whose centres are moved. Cost: 1 - cosine. Each line is a process of its own, so that
its peak memory is its own; libraries and vectors are in it. `of_exact` is the value divided by the
exact one of the same proteins, where that is solved and the method estimates it; the sliced
distance and the Sinkhorn divergence are other quantities.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import save_results
from multiprot.optimal_transport import (
    cosine_costs,
    exact_cost,
    low_rank_cost,
    minibatch_cost,
    refined_match,
    sinkhorn_of_arrays,
    sliced_wasserstein,
)

Vectors = NDArray[np.float32]

METHODS: Final[dict[str, Callable[[Vectors, Vectors], float]]] = {
    "exact": lambda x, y: exact_cost(cosine_costs(x, y)),
    "refined": lambda x, y: refined_match(x, y).cost,
    "minibatch": minibatch_cost,
    "low-rank": low_rank_cost,
    "sliced": lambda x, y: sliced_wasserstein(x, y, directions=100),
    "sinkhorn": sinkhorn_of_arrays,
}
MOST: Final = {"exact": 2000, "sinkhorn": 2000}
"""Largest sets of the methods that need a matrix of pairs, or a GPU."""
ESTIMATES: Final = ("refined", "minibatch", "low-rank")
CLUSTERS: Final = 40


def clustered(proteins: int, width: int, seed: int) -> Vectors:
    """Proteins in clusters, whose shares and places depend on the seed a little."""
    shared, own = np.random.default_rng(0), np.random.default_rng(seed)
    centres = shared.standard_normal((CLUSTERS, width), dtype=np.float32)
    centres += 0.3 * own.standard_normal((CLUSTERS, width), dtype=np.float32)
    shares = own.dirichlet(np.full(CLUSTERS, 3.0))
    vectors = 0.7 * own.standard_normal((proteins, width), dtype=np.float32)
    vectors += centres[own.choice(CLUSTERS, size=proteins, p=shares)]
    return vectors


def one(method: str, proteins: int, width: int) -> dict[str, Any]:
    """Figures of one method in this process."""
    x, y = clustered(proteins, width, 1), clustered(proteins, width, 2)
    METHODS[method](x[:60], y[:60])  # imports what it needs
    started = time.perf_counter()
    value = METHODS[method](x, y)
    return {
        "method": method,
        "proteins": proteins,
        "value": round(value, 5),
        "seconds": round(time.perf_counter() - started, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def alone(method: str, proteins: int, width: int) -> dict[str, Any]:
    """Figures of one method in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.optimal_transport", "--width", str(width)]
    done = subprocess.run(
        [*command, "--one", method, str(proteins)], check=True, capture_output=True, text=True
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def compared(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with what each value is of the exact one."""
    exact = {row["proteins"]: row["value"] for row in rows if row["method"] == "exact"}
    for row in rows:
        known = row["method"] in ESTIMATES and row["proteins"] in exact
        row["of_exact"] = round(row["value"] / exact[row["proteins"]], 4) if known else None
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.optimal_transport")
    parser.add_argument("--quick", action="store_true", help="500 and 2,000 proteins only")
    parser.add_argument("--proteins", type=int, action="append", help="sizes instead of these")
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--one", nargs=2, metavar=("METHOD", "PROTEINS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        method, proteins = arguments.one
        print(json.dumps(one(method, int(proteins), arguments.width)))
        return
    if arguments.out is None:
        parser.error("give --out FILE")
    default = [500, 2000] if arguments.quick else [500, 2000, 10_000, 50_000]
    rows = [
        alone(method, n, arguments.width)
        for n in arguments.proteins or default
        for method in METHODS
        if n <= MOST.get(method, n)
    ]
    figures = {"width": arguments.width, "rows": compared(rows)}
    save_results(arguments.out, "benchmarks.optimal_transport", figures)
    print(f"| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
    for row in rows:
        print(f"| {' | '.join(str(value) for value in row.values())} |")


if __name__ == "__main__":
    main()
