r"""How well students guess hidden residues of the valid split, beside counts.

    python -m benchmarks.residue_perplexity --sequences runs/sequences --student NAME=FOLDER \
        [--student …] --out FILE

15 % of the amino acids are hidden, each behind the mask, the same ones for everyone. Perplexity is
exp of the mean cross-entropy over them. "letters" guesses by the shares of the train split,
"trigram" by the two residues before, "both neighbours" by the one before and the one behind; these
are always shown the true neighbours, even hidden ones, and fall back to letters at the ends.
Intervals are from resampled proteins.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.residue_perplexity.ngrams import (
    CONTEXTS,
    letter_shares,
    neighbours,
    triple_shares,
)
from benchmarks.results import save_results
from multiprot.data.sequences import SequenceShards, SequenceSplit
from multiprot.objectives.configs import MaskedResidueConfig
from multiprot.student.checkpoint import load_student
from multiprot.student.model import Student
from multiprot.training.masked.batches import MaskedBatch, hide_residues

MASKING: Final = MaskedResidueConfig(rate=0.15, substitute_share=0.0, keep_share=0.0)
SEED: Final = 11
_RESAMPLES: Final = 1000


def hidden_batches(split: SequenceSplit) -> list[MaskedBatch]:
    """A batch of each protein of which a residue can be hidden."""
    found = []
    for number in range(len(split)):
        residues = torch.from_numpy(split.residues(number).astype(np.int64))
        rng = torch.Generator().manual_seed(SEED + number)
        found.append(hide_residues(residues, torch.tensor([len(residues)]), MASKING, rng))
    return [batch for batch in found if len(batch.hidden)]


@torch.inference_mode()
def by_student(student: Student, batches: list[MaskedBatch]) -> list[NDArray[np.float64]]:
    """Cross-entropy of each hidden residue, by protein."""
    found = []
    for batch in batches:
        guesses = student(batch.letters, batch.lengths)[batch.hidden].log_softmax(dim=1)
        losses = -guesses[torch.arange(len(batch.targets)), batch.targets]
        found.append(losses.double().numpy())
    return found


def by_counts(
    letters: NDArray[np.float64],
    triples: NDArray[np.float64] | None,
    context: tuple[int, int],
    batches: list[MaskedBatch],
) -> list[NDArray[np.float64]]:
    """As `by_student`, from shares of letters and, where given, of triples."""
    found = []
    for batch in batches:
        whole = batch.letters.clone()
        whole[batch.hidden] = batch.targets
        hidden, targets = batch.hidden.numpy(), batch.targets.numpy()
        shares = letters[targets]
        if triples is not None:
            residues = whole.numpy().astype(np.uint8)
            parts = neighbours(residues, np.arange(len(residues)), context)
            first, second, known = (part[hidden] for part in parts)
            shares = shares.copy()
            shares[known] = triples[first[known], second[known], targets[known]]
        found.append(-np.log(shares))
    return found


def perplexity(losses: list[NDArray[np.float64]]) -> dict[str, float]:
    """Perplexity over all residues, and its 95 % interval over resampled proteins."""
    sums = np.array([part.sum() for part in losses])
    counts = np.array([len(part) for part in losses])
    picks = np.random.default_rng(0).integers(len(sums), size=(_RESAMPLES, len(sums)))
    drawn = np.exp(sums[picks].sum(axis=1) / counts[picks].sum(axis=1))
    low, high = np.quantile(drawn, [0.025, 0.975])
    value = float(np.exp(sums.sum() / counts.sum()))
    return {"perplexity": value, "low": float(low), "high": float(high)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.residue_perplexity")
    parser.add_argument("--sequences", type=Path, required=True, help="folder of `data sequences`")
    parser.add_argument("--student", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    shards = SequenceShards.open(arguments.sequences)
    train, batches = shards.split("train"), hidden_batches(shards.split("valid"))
    letters = letter_shares(train)
    rows = {"letters": perplexity(by_counts(letters, None, (0, 0), batches))}
    for name, context in CONTEXTS.items():
        triples = triple_shares(train, context)
        rows[name] = perplexity(by_counts(letters, triples, context, batches))
    for text in arguments.student:
        name, _, folder = text.partition("=")
        rows[name] = perplexity(by_student(load_student(Path(folder)), batches))
    figures: dict[str, Any] = {
        "sequences": shards.content_hash,
        "proteins": len(batches),
        "hidden": sum(len(batch.hidden) for batch in batches),
        "rows": rows,
    }
    save_results(arguments.out, "benchmarks.residue_perplexity", figures)
    print(f"{'':20} perplexity [95 %]")
    for name, told in rows.items():
        print(f"{name:20} {told['perplexity']:.3f} [{told['low']:.3f}, {told['high']:.3f}]")


if __name__ == "__main__":
    main()
