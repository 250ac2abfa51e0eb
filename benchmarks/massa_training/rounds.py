"""All variants in turn, and what they spend their time on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import median
from typing import Any, Final

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.massa_plain.config import PlainMassaConfig
from benchmarks.massa_plain.model import PlainMassa
from benchmarks.massa_plain.proteins import PlainProtein
from benchmarks.massa_plain.step import plain_optimizer, plain_step
from benchmarks.massa_training.ours import OurStep

RELEASED: Final = "plain, as released, fp32"
ONE_LAYER: Final = "plain, without dead layers, fp32"
RELEASED_MIXED: Final = "plain, as released, bf16"
OURS: Final = "multiprot, fp32"
OURS_MIXED: Final = "multiprot, bf16"
PROFILED: Final = (RELEASED, OURS_MIXED)
LISTED: Final = 15


class Steps:
    """A step of each variant; those of one model share its weights.

    Parameters
    ----------
    ours
        Our step.
    proteins
        The same, as the plain steps read them.
    shape
        Of the plain model.
    """

    def __init__(
        self, ours: OurStep, proteins: list[PlainProtein], shape: PlainMassaConfig
    ) -> None:
        self.ours, self.proteins = ours, proteins
        torch.manual_seed(shape.seed)
        self.plain = {
            RELEASED: PlainMassa(shape),
            ONE_LAYER: PlainMassa(replace(shape, decoder_layers=1)),
        }
        self._optimizers = {name: plain_optimizer(model) for name, model in self.plain.items()}

    def tasks(self) -> dict[str, Callable[[], object]]:
        """Variant -> one step of it."""
        return {
            RELEASED: lambda: self._plain(RELEASED, mixed=False),
            ONE_LAYER: lambda: self._plain(ONE_LAYER, mixed=False),
            RELEASED_MIXED: lambda: self._plain(RELEASED, mixed=True),
            OURS: lambda: self.ours.learn(mixed=False),
            OURS_MIXED: lambda: self.ours.learn(mixed=True),
        }

    def gradients(self, of: str) -> object:
        """Leave the gradients of one step on the parameters of a plain variant, or of "ours"."""
        if of == "ours":
            return self.ours.learn(mixed=False, moves=False)
        return plain_step(self.plain[of], self.proteins)

    def _plain(self, name: str, *, mixed: bool) -> object:
        optimizer = self._optimizers[name]
        return plain_step(self.plain[name], self.proteins, optimizer, mixed=mixed)


def measure(
    tasks: Mapping[str, Callable[[], object]], proteins: int, rounds: int
) -> dict[str, dict[str, Any]]:
    """Medians over rounds of seconds per protein, and how often each is as fast as `RELEASED`."""
    clock: dict[str, list[float]] = {name: [] for name in tasks}
    processor: dict[str, list[float]] = {name: [] for name in tasks}
    loads: list[float] = []
    for number in range(rounds + 1):
        names = list(tasks)
        turn = number % len(names)
        loads.append(round(os.getloadavg()[0], 2))
        for name in names[turn:] + names[:turn]:
            began, spent = time.perf_counter(), time.process_time()
            tasks[name]()
            if number:
                clock[name].append((time.perf_counter() - began) / proteins)
                processor[name].append((time.process_time() - spent) / proteins)
    return {
        name: {
            "seconds_per_protein": round(median(clock[name]), 4),
            "cpu_seconds_per_protein": round(median(processor[name]), 4),
            "times_as_fast": round(median(clock[RELEASED]) / median(clock[name]), 2),
            "times_as_fast_by_cpu_time": round(
                median(processor[RELEASED]) / median(processor[name]), 2
            ),
            "runs": [round(seconds, 4) for seconds in clock[name]],
            "cpu_runs": [round(seconds, 4) for seconds in processor[name]],
            "loads": loads,
        }
        for name in tasks
    }


def profiled(task: Callable[[], object]) -> dict[str, float]:
    """Operator -> its own share of the processor's time, the longest ones."""
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        task()
    own = {each.key: each.self_cpu_time_total for each in watched.key_averages()}
    total = sum(own.values())
    longest = sorted(own, key=lambda name: -own[name])[:LISTED]
    return {name: round(own[name] / total, 3) for name in longest}
