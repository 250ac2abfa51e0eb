"""What inner steps cost beside the plain joint step: time and memory of one training step.

    python -m benchmarks.bilevel_cost --out FILE          # on the CPU, and on a GPU if there is one
    python -m benchmarks.bilevel_cost --tiny --out FILE   # to see that it works

A transformer over residues of made-up proteins stands for the language model, two linear layers for
structure and critic. As in STEPS its last layer takes the inner steps; with `--all-layers` all do.
Seconds are of forward and backward pass and of the optimizer, and `time_ratio` is the median over
rounds of the seconds of a step by those of the joint step in the same round: all kinds of step take
turns, so that other load on the machine meets them alike. Memory is what the tensors of one step
take at most, beside what was there before it, as torch's profiler (CPU) or allocator (GPU) counts.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any, Final

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from benchmarks.results import save_results
from multiprot.training.bilevel import bilevel_loss, trainable_names
from multiprot.training.settings import BilevelConfig

KINDS: Final[dict[str, BilevelConfig | None]] = {
    "joint": None,
    **{
        f"{order} order, {steps}": BilevelConfig(steps=steps, learning_rate=1e-3, order=order)
        for order in ("first", "second")
        for steps in (1, 2, 4)
    },
}
"""The kinds of step: the outer loss alone, and after so many inner steps."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large the language model and its batch are."""

    layers: int
    width: int
    proteins: int
    residues: int


SIZE: Final = Size(layers=6, width=320, proteins=8, residues=256)
TINY: Final = Size(layers=2, width=32, proteins=2, residues=16)


class Model(nn.Module):
    """Language model, structure and critic, with an inner loss (contrast) and an outer one."""

    def __init__(self, size: Size, device: torch.device) -> None:
        super().__init__()
        torch.manual_seed(0)
        width = size.width
        layers = [
            nn.TransformerEncoderLayer(width, 4, 4 * width, 0.1, batch_first=True, norm_first=True)
            for _ in range(size.layers)
        ]
        self.sequence = nn.Sequential(*layers)
        self.structure = nn.Linear(64, width)
        self.critic = nn.Linear(width, width)
        self.head = nn.Linear(width, 20)
        self.to(device)
        places = (size.proteins, size.residues)
        self.residues = torch.randn(*places, width, device=device)
        self.geometry = torch.randn(*places, 64, device=device)
        self.letters = torch.randint(20, places, device=device)

    def inner(self) -> Tensor:
        """Which structure belongs to which sequence."""
        own = self.critic(self.sequence(self.residues).mean(dim=1))
        scores = own @ self.structure(self.geometry).mean(dim=1).T
        return functional.cross_entropy(scores, torch.arange(len(own), device=own.device))

    def outer(self) -> Tensor:
        """Which amino acid stands where."""
        fused = self.sequence(self.residues) + self.structure(self.geometry)
        return functional.cross_entropy(self.head(fused).flatten(0, 1), self.letters.flatten())


class Steps:
    """Training steps of every kind, on one model."""

    def __init__(self, size: Size, device: torch.device, all_layers: bool) -> None:
        self.device = device
        self._model = Model(size, device)
        part = "sequence" if all_layers else f"sequence.{size.layers - 1}"
        self._names = trainable_names(self._model, part)
        self._optimizer = torch.optim.AdamW(self._model.parameters(), lr=1e-5)

    def take(self, kind: str) -> None:
        """One step."""
        options, model = KINDS[kind], self._model
        if options is None:
            loss = model.outer()
        else:
            loss = bilevel_loss(model, self._names, model.inner, model.outer, options).loss
        torch.autograd.backward(loss)
        self._optimizer.step()
        self._optimizer.zero_grad()

    def seconds(self, kind: str) -> float:
        """Of one step."""
        self._wait()
        began = time.perf_counter()
        self.take(kind)
        self._wait()
        return time.perf_counter() - began

    def peak_bytes(self, kind: str) -> int:
        """Largest sum of tensors during one step, beside those from before it."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            self.take(kind)
            return torch.cuda.max_memory_allocated() - before
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
            self.take(kind)
        recorded: Any = watched.profiler
        events = [e for e in recorded.kineto_results.events() if e.name() == "[memory]"]
        events.sort(key=lambda event: event.start_ns())
        peak: int = max(accumulate(event.nbytes() for event in events))
        return peak

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def measure(size: Size, device: torch.device, rounds: int, *, all_layers: bool) -> dict[str, Any]:
    """Time and memory of every kind of step, and their ratios to the joint step's."""
    steps = Steps(size, device, all_layers)
    for kind in KINDS:
        steps.take(kind)  # warms up
    seconds = [{kind: steps.seconds(kind) for kind in KINDS} for _ in range(rounds)]
    peaks = {kind: steps.peak_bytes(kind) for kind in KINDS}
    return {
        kind: {
            "seconds": round(median(each[kind] for each in seconds), 5),
            "time_ratio": round(median(each[kind] / each["joint"] for each in seconds), 2),
            "peak_mib": round(peaks[kind] / 2**20, 2),
            "memory_ratio": round(peaks[kind] / peaks["joint"], 2),
        }
        for kind in KINDS
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bilevel_cost")
    parser.add_argument("--tiny", action="store_true", help="a model and a batch of nothing")
    parser.add_argument("--all-layers", action="store_true", help="all layers take inner steps")
    parser.add_argument("--rounds", type=int, default=7, help="steps of each kind")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    size = TINY if arguments.tiny else SIZE
    figures: dict[str, Any] = {"size": asdict(size), "torch": torch.__version__}
    for name in ("cpu", "cuda"):
        if name == "cuda" and not torch.cuda.is_available():
            figures[name] = None
            print("cuda: none here, skipped")
            continue
        table = measure(size, torch.device(name), arguments.rounds, all_layers=arguments.all_layers)
        figures[name] = table
        print(f"{name:<18}{'seconds':>10}{'ratio':>8}{'peak MiB':>10}{'ratio':>8}")
        for kind, row in table.items():
            print(
                f"{kind:<18}{row['seconds']:>10.4f}{row['time_ratio']:>8.2f}"
                f"{row['peak_mib']:>10.1f}{row['memory_ratio']:>8.2f}"
            )
    save_results(arguments.out, "benchmarks.bilevel_cost", figures)


if __name__ == "__main__":
    main()
