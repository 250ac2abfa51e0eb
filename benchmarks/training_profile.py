"""Where the time of a training step goes: data, matrix products, everything else.

    python -m benchmarks.training_profile RECIPE [KEY=VALUE ...] --steps 10 --out FILE

Takes real batches of the recipe through forward pass, backward pass and optimizer under torch's
profiler. "Matrix products" are the operators that multiply matrices, attention included; their
floating-point operations are counted by torch's own counter.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.results import save_results
from multiprot.config import load_config
from multiprot.data import Corpus
from multiprot.encoders.contract import ProteinBatch
from multiprot.encoders.registry import Registry
from multiprot.training.config import PretrainConfig
from multiprot.training.datamodule import PretrainData
from multiprot.training.optim import build_optimizer
from multiprot.training.parts import build_parts

MATRIX_PRODUCTS: Final = ("mm", "addmm", "bmm", "baddbmm", "linear", "mkldnn", "convolution")
ATTENTION: Final = "_scaled_dot_product"
LISTED: Final = 12


class Steps:
    """Training steps of a recipe, one at a time, with the time each part takes."""

    def __init__(self, config: PretrainConfig) -> None:
        parts = build_parts(config, Corpus.open(Path(str(config.corpus.path))), Registry.discover())
        self._model, self._objectives = parts.model, parts.objectives
        module = torch.nn.Module()
        module.model, module.objectives = parts.model, parts.objectives
        self._optimizer = build_optimizer(module, config.optimizer)
        self._batches = PretrainData(parts, config.batch, seed=config.seed).train_batches()
        self._mixed = config.trainer.precision == "bf16-mixed"
        self.seconds = {"data": 0.0, "compute": 0.0}
        self.residues = 0

    def take(self, number: int) -> None:
        """One step on the batch of this number."""
        began = time.perf_counter()
        batch = self._batches[number]
        loaded = time.perf_counter()
        self._learn(batch)
        self.seconds["data"] += loaded - began
        self.seconds["compute"] += time.perf_counter() - loaded
        self.residues += int(batch.residue_mask.sum())

    def _learn(self, batch: ProteinBatch) -> None:
        mixed = torch.autocast("cpu", torch.bfloat16) if self._mixed else nullcontext()
        with mixed:
            result = self._objectives(self._model(batch), batch)
        result.loss.backward()
        self._optimizer.step()
        self._optimizer.zero_grad()


def measure(config: PretrainConfig, steps: int) -> dict[str, Any]:
    """Shares of time and the rate of arithmetic over `steps` steps; the first warms up."""
    run = Steps(config)
    run.take(0)
    with FlopCounterMode(display=False) as counter:
        run.take(1)
    run.seconds, run.residues = {"data": 0.0, "compute": 0.0}, 0
    for number in range(2, 2 + steps):
        run.take(number)
    seconds, residues = dict(run.seconds), run.residues
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        for number in range(2, 2 + steps):
            run.take(number)
    operators = {e.key: e.self_cpu_time_total for e in watched.key_averages()}
    total = sum(operators.values())
    products = sum(t for name, t in operators.items() if _multiplies(name))
    longest = sorted(operators, key=lambda name: -operators[name])[:LISTED]
    whole = sum(seconds.values())
    return {
        "seconds_per_step": round(whole / steps, 3),
        "residues_per_second": round(residues / whole),
        "data_share": round(seconds["data"] / whole, 3),
        "matrix_product_share": round(products / total, 3),
        "gigaflop_per_step": round(counter.get_total_flops() / 1e9, 1),
        "gigaflop_per_second": round(counter.get_total_flops() / 1e9 / (whole / steps), 1),
        "operators": {name: round(operators[name] / total, 3) for name in longest},
    }


def _multiplies(operator: str) -> bool:
    name = operator.removeprefix("aten::").removeprefix("mkldnn::")
    return ATTENTION in name or any(name.startswith(product) for product in MATRIX_PRODUCTS)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_profile")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    config = load_config(PretrainConfig, arguments.recipe, arguments.overrides).value
    if config.trainer.threads is not None:
        torch.set_num_threads(config.trainer.threads)
    threads = torch.get_num_threads()
    figures = {"threads": threads, **measure(config, arguments.steps)}
    print(json.dumps(save_results(arguments.out, "benchmarks.training_profile", figures), indent=1))


if __name__ == "__main__":
    main()
