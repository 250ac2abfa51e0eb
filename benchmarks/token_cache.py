"""Seconds per training step with a frozen ESM-2: run at each step, or read from the token cache.

    python -m benchmarks.token_cache --layers 6 --width 320 --steps 8 --out FILE

The weights are random, which costs the same as trained ones. The two variants learn from the same
batches of a generated corpus, in turn, so that what else the machine does meets both; figures are
medians. Filling the cache is timed once, beside them. Nothing is cropped.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.results import save_results
from multiprot.data import Corpus, make_synthetic_corpus
from multiprot.encoders.registry import Registry
from multiprot.training.config import PretrainConfig
from multiprot.training.datamodule import PretrainData
from multiprot.training.optim import build_optimizer
from multiprot.training.parts import TrainingParts, build_parts
from multiprot.training.token_cache import with_token_cache


def recipe(folder: Path, layers: int, width: int, tokens: int) -> PretrainConfig:
    """A recipe with a frozen ESM-2 and a small geometric encoder that learns."""
    options = {"layers": layers, "width": width, "heads": width // 16, "freeze": "all"}
    return PretrainConfig.model_validate(
        {
            "name": "token-cache",
            "corpus": {"path": folder / "corpus"},
            "model": {
                "sequence": {"name": "esm2", "options": options},
                "structure": {"name": "residue-geometry", "options": {"width": 64, "layers": 1}},
                "fusion": {"width": 64, "layers": 1, "heads": 4, "shared_dim": 64},
            },
            "objectives": [{"name": "token-alignment"}],
            "batch": {"tokens_per_batch": tokens, "crop_residues": None},
            "token_cache": {"path": folder / "cache"},
            "trainer": {"accelerator": "cpu"},
        }
    )


class Steps:
    """Training steps of one variant, from reading the batch to the optimizer."""

    def __init__(self, config: PretrainConfig, parts: TrainingParts) -> None:
        self._model, self._objectives = parts.model, parts.objectives
        module = torch.nn.Module()
        module.model, module.objectives = parts.model, parts.objectives
        self._optimizer = build_optimizer(module, config.optimizer)
        self._batches = PretrainData(parts, config.batch, seed=config.seed).train_batches()
        self.seconds: list[float] = []
        self.losses: list[float] = []

    def take(self, number: int) -> None:
        """One step on the batch of this number."""
        torch.manual_seed(number)  # the same dropout in both variants
        began = time.perf_counter()
        batch = self._batches[number]
        loss = self._objectives(self._model(batch), batch).loss
        loss.backward()
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.seconds.append(time.perf_counter() - began)
        self.losses.append(float(loss.detach()))


def measure(config: PretrainConfig, corpus: Corpus, steps: int) -> dict[str, Any]:
    """Both variants, step by step in turn; the first step of each warms up."""
    registry = Registry.discover()
    live = build_parts(config, corpus, registry)
    cached = build_parts(config, corpus, registry)
    began = time.perf_counter()
    cached = with_token_cache(config, cached, registry)
    filling = time.perf_counter() - began
    variants = {"live": Steps(config, live), "cached": Steps(config, cached)}
    for number in range(steps + 1):
        for run in variants.values():
            run.take(number)
    figures = {name: median(run.seconds[1:]) for name, run in variants.items()}
    apart = [abs(a - b) / a for a, b in zip(*(v.losses for v in variants.values()), strict=True)]
    return {
        "seconds_per_step": {name: round(seconds, 4) for name, seconds in figures.items()},
        "ratio": round(figures["live"] / figures["cached"], 1),
        "filling_seconds": round(filling, 1),
        "cached_residues": int(corpus.lengths[corpus.splits != "test"].sum()),
        "largest_relative_difference_of_losses": max(apart),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.token_cache")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--tokens", type=int, default=2048, help="residues per batch")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    with TemporaryDirectory(prefix="multiprot-token-cache-") as scratch:
        config = recipe(Path(scratch), arguments.layers, arguments.width, arguments.tokens)
        corpus = make_synthetic_corpus(Path(scratch) / "corpus", families=8, proteins_per_family=12)
        figures = {"threads": torch.get_num_threads(), **measure(config, corpus, arguments.steps)}
    print(json.dumps(save_results(arguments.out, "benchmarks.token_cache", figures), indent=1))


if __name__ == "__main__":
    main()
