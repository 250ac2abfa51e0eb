"""How often a bundle guesses hidden residues of held-out proteins, with and without structure.

    python -m benchmarks.masked_residue --corpus CORPUS --bundle BUNDLE --bundle BUNDLE --out FILE

On the test chains that bear a structure, 15 % of residues are hidden, the same ones in every view
and for every bundle. Unlike in training each of them shows the mask: those that show themselves
would be guessed by copying. Bundles are seeds of one recipe. The baseline is the most
frequent amino acid of the train proteins.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.results import save_results
from multiprot.bundle import load_bundle
from multiprot.data import BatchConfig, Collator, Corpus
from multiprot.data.sampler import sweep
from multiprot.encoders.contract import ProteinBatch

OBJECTIVE: Final = "masked-residue"
SEED: Final = 7
WHOLE = BatchConfig(tokens_per_batch=8192, crop_residues=None)
VIEWS: Final = ("sequence + structure", "sequence only")


@torch.no_grad()
def accuracies(path: Path, corpus: Corpus, rows: NDArray[np.int64]) -> dict[str, float]:
    """Share of hidden residues guessed right, by view, and by the most frequent amino acid."""
    bundle = load_bundle(path)
    model, total = bundle.model, bundle.load_objectives().eval()
    objective: Any = total.objectives[OBJECTIVE]
    objective.config = objective.config.model_copy(update={"substitute_share": 0, "keep_share": 0})
    sequence, structure = (
        getattr(encoder, "featurizer", None) for encoder in (model.sequence, model.structure)
    )
    collator = Collator(sequence, structure, None, WHOLE, training=False)
    right = dict.fromkeys((*VIEWS, "baseline"), 0.0)
    hidden = 0.0
    for step, batch_rows in enumerate(sweep(corpus, WHOLE, rows)):
        batch = collator(corpus.read(batch_rows), batch_rows)
        batch = objective.corrupt(batch, torch.Generator().manual_seed(SEED + step))
        for view in VIEWS:
            result = objective(model(seen := _seen(batch, view)), seen)
            count = float(result.weight)
            right[view] += count * float(result.metrics["accuracy"])
        right["baseline"] += count * float(result.metrics["baseline_accuracy"])
        hidden += count
    return {name: total / hidden for name, total in right.items()}


def _seen(batch: ProteinBatch, view: str) -> ProteinBatch:
    if view == VIEWS[0]:
        return batch
    return replace(batch, structure=None, has_structure=torch.zeros_like(batch.has_structure))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.masked_residue")
    parser.add_argument("--corpus", type=Path, required=True, help="folder of `data build`")
    parser.add_argument("--bundle", type=Path, action="append", required=True, help="one per seed")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    corpus = Corpus.open(arguments.corpus)
    rows = np.flatnonzero((corpus.splits == "test") & corpus.has_structure)
    by_seed = [accuracies(path, corpus, rows) for path in arguments.bundle]
    accuracy = {name: [round(one[name], 4) for one in by_seed] for name in by_seed[0]}
    figures = {"corpus": corpus.content_hash, "proteins": len(rows), "accuracy": accuracy}
    save_results(arguments.out, "benchmarks.masked_residue", figures)
    print("| view | accuracy, mean of seeds |\n|---|---|")
    for name, values in accuracy.items():
        print(f"| {name} | {np.mean(values):.4f} |")


if __name__ == "__main__":
    main()
