"""Time and memory of all variants."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from statistics import median
from typing import Any, Final

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.memory import peak_mib
from benchmarks.steps_training.ours import OurSteps
from benchmarks.steps_training.plain import PlainSteps, PlainTrainer
from benchmarks.steps_training.proteins import of_length, plain
from multiprot.cli.recipes import resolve_recipe
from multiprot.data.corpus import Corpus
from multiprot.proteins import ProteinRecord
from multiprot.training.config import PretrainConfig

RELEASED: Final = "plain, as released"
FROZEN_KEPT: Final = "plain, frozen layers kept"
EDGES_KEPT: Final = "plain, frozen layers and edges kept"
ALL_PAIRS: Final = "ours, all pairs"
OURS: Final = "ours"
RELEASED_MIXED: Final = "plain, as released, bf16"
OURS_MIXED: Final = "ours, bf16"
MIXED: Final = (RELEASED_MIXED, OURS_MIXED)
PLAIN: Final[Mapping[str, Collection[str]]] = {
    RELEASED: (),
    RELEASED_MIXED: (),
    FROZEN_KEPT: {"frozen"},
    EDGES_KEPT: {"frozen", "edges"},
}
PAIRS: Final[Mapping[str, str]] = {ALL_PAIRS: "all", OURS: "4096", OURS_MIXED: "4096"}
PLAIN_COPIES: Final = 4
"""Tensors of residues · residues · channels that the plain step holds at once."""
SMALL: Final = (5, 320)


def recipe(layers: int, width: int, pairs: str, seed: int = 0) -> PretrainConfig:
    """STEPS' recipe on a student with random weights."""
    options = json.dumps({"layers": layers, "width": width, "freeze": 1})
    joint = width + 256
    settings = [f"seed={seed}", "model.sequence.name=student", f"model.sequence.options={options}"]
    settings += [f"model.structure.options.width={joint}", f"model.fusion.width={joint}"]
    settings += [f"objectives.0.options.pairs={pairs}", "token_cache=null"]
    config: PretrainConfig = resolve_recipe(["configs/pretrain/steps.yaml", *settings]).value
    return config


def steps(
    corpus: Corpus,
    records: list[ProteinRecord],
    shape: tuple[int, int],
    tokens: int,
    variants: Sequence[str],
) -> dict[str, Callable[[], object]]:
    """Variant -> every protein once.

    Parameters
    ----------
    corpus
        That gives counts.
    records
        Proteins.
    shape
        Layers and channels of the language model.
    tokens
        Residues of a batch of ours.
    variants
        Which.
    """
    found: dict[str, Callable[[], object]] = {}
    for name in variants:
        ours = OurSteps(recipe(*shape, PAIRS.get(name, "all")), corpus, records, tokens)
        found[name] = ours.learn if name in PAIRS else _released(ours, PLAIN[name])
    return found


def _released(ours: OurSteps, kept: Collection[str]) -> Callable[[], object]:
    """The plain step on the same language model and proteins."""
    trainer = PlainTrainer(PlainSteps(ours.encoder, ours.moving), keeps=kept)
    proteins = [plain(ours.encoder, record) for record in ours.records]
    return lambda: [trainer.step(protein) for protein in proteins]


def seconds(
    tasks: Mapping[str, Callable[[], object]], proteins: int, rounds: int
) -> dict[str, dict[str, Any]]:
    """Medians over rounds of seconds per protein, and how often each is as fast as released."""
    clock: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds + 1):
        for name, task in tasks.items():
            began = time.perf_counter()
            mixed = torch.autocast("cpu", torch.bfloat16, enabled=name in MIXED)
            # The plain step's gradients of gradients want attention written out.
            with mixed, sdpa_kernel(SDPBackend.MATH):
                task()
            if number:
                clock[name].append((time.perf_counter() - began) / proteins)
    return {
        name: {
            "seconds_per_protein": round(median(runs), 4),
            "times_as_fast": round(median(clock[RELEASED]) / median(runs), 2),
            "runs": [round(each, 4) for each in runs],
        }
        for name, runs in clock.items()
    }


def memory_of(corpus: Corpus, variant: str, length: int) -> dict[str, Any]:
    """Figures of one variant in this process."""
    short, long = of_length(corpus, 40), of_length(corpus, length)
    tasks = [steps(corpus, [record], SMALL, 10**9, [variant])[variant] for record in (short, long)]
    with sdpa_kernel(SDPBackend.MATH):
        tasks[0]()  # loads what is loaded once
        before = peak_mib()
        tasks[1]()
    return {
        "variant": variant,
        "residues": len(long),
        "added_mib": round(peak_mib() - before),
        "peak_mib": round(peak_mib()),
    }
