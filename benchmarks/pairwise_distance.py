"""Memory and time of the distances of all residue pairs: written out, factored, and drawn.

    python -m benchmarks.pairwise_distance --out FILE                  # 250, 500, 1,000, 2,000
    python -m benchmarks.pairwise_distance --channels 128 --length 500 --length 1000 --out FILE

One protein, its loss and the gradients of tokens and head. "naive" is the formula as the released
STEPS has it, with a tensor of L · L · channels numbers; where that would take more than
`--most-gib` it is left out. "factored" is the objective with `pairs: all`, "drawn" with its
default. Each line is a process of its own. `added_mib` is its peak less what it held with the
tokens, before the first loss; the columns behind are ratios to the naive way at the same length,
where that was run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.memory import peak_mib
from benchmarks.results import save_results
from multiprot.encoders.contract import ObjectiveContext
from multiprot.objectives.configs import PairwiseDistanceConfig
from multiprot.objectives.pairwise_distance import PairwiseDistance, Residues

WAYS: Final = ("naive", "factored", "drawn")
LENGTHS: Final = (250, 500, 1000, 2000)
NAIVE_COPIES: Final = 5
"""Tensors of L · L · channels that the naive way holds at once, forward and backward."""
Loss = Callable[[Tensor], Tensor]


def naive_loss(objective: PairwiseDistance, places: Tensor) -> Loss:
    """Mean over all L² pairs, with a tensor of pairs and channels."""
    maps = objective.head()
    bins = (torch.cdist(places, places).clamp(0, 149) / 5).long().flatten()

    def loss(tokens: Tensor) -> Tensor:
        logits = maps.logits(tokens[:, None], tokens[None])
        return functional.cross_entropy(logits.flatten(0, 1), bins)

    return loss


def our_loss(objective: PairwiseDistance, places: Tensor) -> Loss:
    """Mean over the pairs that the objective's options say."""

    def loss(tokens: Tensor) -> Tensor:
        sums = objective.sums(Residues(tokens, places, 0.0, 0))
        return sums.loss / sums.pairs

    return loss


def one(way: str, length: int, channels: int, repeats: int) -> dict[str, Any]:
    """Figures of one way in this process."""
    torch.manual_seed(0)
    config = PairwiseDistanceConfig(pairs="all") if way == "factored" else PairwiseDistanceConfig()
    objective = PairwiseDistance(config, ObjectiveContext(width=channels, shared_dim=2))
    make = naive_loss if way == "naive" else our_loss
    # Loads what is loaded once, on a protein of no size.
    torch.autograd.backward(
        make(objective, torch.randn(20, 3))(torch.randn(20, channels).requires_grad_())
    )
    tokens = torch.randn(length, channels, requires_grad=True)
    loss, before, seconds = make(objective, 20 * torch.randn(length, 3)), peak_mib(), []
    for _ in range(repeats):
        started = time.perf_counter()
        torch.autograd.backward(loss(tokens))
        seconds.append(time.perf_counter() - started)
    return {
        "length": length,
        "way": way,
        "seconds": round(statistics.median(seconds), 3),
        "added_mib": round(peak_mib() - before),
        "peak_mib": round(peak_mib()),
    }


def alone(way: str, length: int, channels: int, repeats: int) -> dict[str, Any]:
    """Figures of one way in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.pairwise_distance", "--channels", str(channels)]
    command += ["--repeats", str(repeats), "--one", way, str(length)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def compared(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with seconds and memory as shares of the naive ones."""
    naive = {row["length"]: row for row in rows if row["way"] == "naive"}
    for row in rows:
        base = naive.get(row["length"])
        for name, figure in (("of_naive_seconds", "seconds"), ("of_naive_memory", "added_mib")):
            known = base is not None and base[figure] > 0
            row[name] = round(row[figure] / base[figure], 3) if base and known else None
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pairwise_distance")
    parser.add_argument("--channels", type=int, default=1280)
    parser.add_argument("--length", type=int, action="append", help="lengths instead of these")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--most-gib", type=float, default=8.0, help="for the naive way")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--one", nargs=2, metavar=("WAY", "LENGTH"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.one[0], int(given.one[1]), given.channels, given.repeats)))
        return
    if given.out is None:
        parser.error("give --out FILE")
    most = given.most_gib * 2**30 / (4 * NAIVE_COPIES * given.channels)
    rows = [
        alone(way, length, given.channels, given.repeats)
        for length in given.length or LENGTHS
        for way in WAYS
        if way != "naive" or length**2 <= most
    ]
    figures = {"channels": given.channels, "rows": compared(rows)}
    save_results(given.out, "benchmarks.pairwise_distance", figures)
    print(f"| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
    for row in rows:
        print(f"| {' | '.join(str(value) for value in row.values())} |")


if __name__ == "__main__":
    main()
