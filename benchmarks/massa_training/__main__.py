r"""Seconds per protein of MASSA's training step: ours beside the step as it was released.

    python -m benchmarks.massa_training --out FILE [--corpus runs/corpus/massa] [--proteins 32] \
        [--rounds 5] [--threads 2] [--tokens 4096] [--profile]

Both train a model of MASSA's shape on the same proteins with their real backbones; vectors, GO
terms and spans are random and the same for both. A step is 32 proteins, featurisation, masks and
optimizer included: the plain one takes them four by four in random order (`benchmarks.massa_plain`
says how), ours sorted by length in batches of `--tokens`. All variants take turns, the
order another in each round; the first round is not counted. Ratios are those of medians: of seconds
by the clock, and of seconds of processor time, which a busy machine disturbs less.

Left out for both: Lookahead, clipping, reading from disk, and workers that prepare batches.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

from benchmarks.embedding_speed.machine import machine
from benchmarks.massa_plain.config import PlainMassaConfig
from benchmarks.massa_training.figures import learning, parameters, print_figures
from benchmarks.massa_training.ours import OurStep
from benchmarks.massa_training.proteins import Sample, draw_sample
from benchmarks.massa_training.rounds import PROFILED, RELEASED, Steps, measure, profiled
from benchmarks.results import save_results
from multiprot.cli.recipes import resolve_recipe
from multiprot.data.corpus import Corpus
from multiprot.training.config import PretrainConfig


def compare(
    config: PretrainConfig,
    corpus: Corpus,
    shape: PlainMassaConfig,
    *,
    proteins: int,
    rounds: int,
    tokens: int,
    seed: int = 0,
    profile: bool = False,
) -> dict[str, Any]:
    """Times, sizes and, if asked for, operators of all variants."""
    sample = draw_sample(corpus, proteins, seed, shape)
    if corpus.ontology is None:
        raise ValueError(f"{corpus.path} has no ontology; take a corpus with GO terms")
    ours = OurStep(
        config.model, config.optimizer, sample, corpus.ontology, shape, tokens=tokens, seed=seed
    )
    steps = Steps(ours, sample.plain(), shape)
    figures: dict[str, Any] = {
        "proteins": _told(sample),
        "tokens_per_batch": tokens,
        "batches_of_ours": [len(rows) for rows in ours.batches],
        "parameters": parameters(ours, steps.plain[RELEASED]),
        "learning": {
            "plain": learning(steps.plain[RELEASED], lambda: steps.gradients(RELEASED)),
            "ours": learning(ours, lambda: steps.gradients("ours")),
        },
        "variants": measure(steps.tasks(), proteins, rounds),
    }
    if profile:
        figures["operators"] = {name: profiled(steps.tasks()[name]) for name in PROFILED}
    return figures


def _told(sample: Sample) -> dict[str, Any]:
    lengths = [len(record) for record in sample.records]
    return {
        "count": len(lengths),
        "residues": sum(lengths),
        "shortest": min(lengths),
        "longest": max(lengths),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.massa_training")
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus/massa"))
    parser.add_argument("--recipe", default="configs/pretrain/massa.yaml")
    parser.add_argument("--proteins", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=1024, help="of a batch of ours")
    parser.add_argument("--profile", action="store_true", help="also the longest operators")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    corpus = Corpus.open(given.corpus)
    figures = {
        **machine("cpu", given.threads),
        "corpus": corpus.content_hash,
        **compare(
            resolve_recipe([given.recipe]).value,
            corpus,
            PlainMassaConfig(),
            proteins=given.proteins,
            rounds=given.rounds,
            tokens=given.tokens,
            profile=given.profile,
        ),
    }
    save_results(given.out, "benchmarks.massa_training", figures)
    print_figures(figures)


if __name__ == "__main__":
    main()
