r"""Size and speed of the plain step, MASSA's pretraining as it was released.

    python -m benchmarks.massa_plain [--lengths 120 200 280 400] [--threads 2] [--rounds 3]

Prints parameters by block, parameters without a gradient, the time of a step, and its longest
operators. Written anew from the architecture of Hu et al. 2023 (Adv. Sci. 10(22) 2301223) and from
how the released step is organised: vectors become Python lists and are masked there, one protein
after another; the GVP runs protein by protein, edge by edge, on features computed anew in every
step; sequences and sets of terms are padded to the longest of the batch; attention writes its
scores out; heads read all rows, padding too; every decoder layer reads the first input, so that
only the last one learns (`decoder_layers=1` is the same model without the dead layers).

In the rival's favour: arrays are in memory, the released step reads files; GVP states are not
merged and split around each message; there is no Lookahead; taggings have the softmax focal loss,
not a sigmoid for every class.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.massa_plain.config import PlainMassaConfig
from benchmarks.massa_plain.features import PlainGraph, featurise
from benchmarks.massa_plain.masks import prepare
from benchmarks.massa_plain.model import PlainMassa
from benchmarks.massa_plain.proteins import PlainProtein, random_proteins
from benchmarks.massa_plain.step import (
    count_parameters,
    dead_parameters,
    plain_optimizer,
    plain_step,
)

PUBLISHED: Final = {
    "sequence": 12.19,
    "structure": 7.39,
    "fusion": 13.13,
    "go": 0.60,
    "protein_go": 17.37,
    "total": 50.69,
}
"""Millions of parameters of the released model, its real class counts set."""


def timed(task: Callable[[], Any], rounds: int) -> float:
    """Median seconds of a task, after one call that warms up."""
    task()
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        task()
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def _print_parameters(model: PlainMassa) -> None:
    print(f"{'block':12} {'parameters':>12} {'million':>8} {'published':>10}")
    for name, count in count_parameters(model).items():
        print(f"{name:12} {count:>12,} {count / 1e6:>8.2f} {PUBLISHED[name]:>10.2f}")


def _print_dead(model: PlainMassa) -> None:
    dead = dead_parameters(model)
    layers = sorted({".".join(name.split(".")[:3]) for name in dead})
    print(f"\nno gradient: {sum(dead.values()):,} parameters, in {', '.join(layers)}")


def _print_times(model: PlainMassa, proteins: list[PlainProtein], rounds: int) -> None:
    optimizer = plain_optimizer(model)

    def featurise_all() -> list[PlainGraph]:
        return [featurise(protein, model.config.neighbours) for protein in proteins]

    graphs = featurise_all()
    plain_step(model, proteins, optimizer, graphs)
    parts = {
        "features": featurise_all,
        "lists, masks, padding": lambda: prepare(proteins, graphs, model.go_vectors, model.chance),
        "step with features": lambda: plain_step(model, proteins, optimizer),
        "step without features": lambda: plain_step(model, proteins, optimizer, graphs),
        "micro-batches alone": lambda: plain_step(model, proteins, None, graphs),
    }
    print(f"\n{'':24} {'seconds':>9} {'a protein':>10}")
    for name, task in parts.items():
        seconds = timed(task, rounds)
        print(f"{name:24} {seconds:>9.3f} {seconds / len(proteins):>10.4f}")
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        plain_step(model, proteins, optimizer)
    print(watched.key_averages().table(sort_by="self_cpu_time_total", row_limit=12))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.massa_plain")
    parser.add_argument("--lengths", type=int, nargs="+", default=[120, 200, 280, 400])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model = PlainMassa(PlainMassaConfig())
    _print_parameters(model)
    proteins = random_proteins(arguments.lengths, seed=0)
    losses = plain_step(model, proteins)
    print("\n" + ", ".join(f"{name} {loss:.3f}" for name, loss in losses.items()))
    _print_dead(model)
    model.zero_grad()
    _print_times(model, proteins, arguments.rounds)


if __name__ == "__main__":
    main()
