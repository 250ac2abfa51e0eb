r"""Time per protein of MTDP's recipe: ours beside the loops as released, at one student's shape.

    python -m benchmarks.mtdp_training --out FILE [--proteins 32] [--long-proteins 16] \
        [--rounds 3] [--threads 2] [--tokens 2048] [--only embedding|step]

Both have the T5 encoder of configs/distill/mtdp.yaml with the same random weights. "embedding" is
what MTDP's 2 proteins per second are about: vectors of all proteins; the released loop pads each to
1,001 tokens, ten together, in float32, ours is `multiprot.embedding.Embedder` on the saved model.
"step" is one optimizer step on all proteins, teachers' vectors being there already: sixteen padded
proteins a batch, or batches of ours by length within `--tokens`, both with the released loss;
"whole recipe" has hidden residues beside it. "plain, by length" is the rival with what anybody
could change in a minute: sorted, padded to the longest, today's attention kernels. "own student" is
another model of about as many parameters: what our recipes distil into.

Proteins are real ones of natural lengths, and, apart, some of 950 to 1,000 residues, for which
padding to 1,001 costs nothing. All variants take turns, the order another in each round; the first
round is not counted. Ratios are those of medians: of seconds by the clock, and of seconds of
processor time, which a busy machine disturbs less.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import torch

from benchmarks.embedding_speed.machine import machine
from benchmarks.massa_training.rounds import RELEASED, measure
from benchmarks.mtdp_training.plain import PlainShape
from benchmarks.mtdp_training.proteins import LONG, NATURAL, drawn
from benchmarks.mtdp_training.table import table
from benchmarks.mtdp_training.variants import agreement, embedding_tasks, step_tasks
from benchmarks.results import save_results
from multiprot.proteins import ProteinRecord

PARTS: Final = ("embedding", "step")


def compare(
    records: Sequence[ProteinRecord],
    parts: Sequence[str],
    *,
    shape: PlainShape,
    preset: str,
    tokens: int,
    rounds: int,
) -> dict[str, Any]:
    """Times of all variants on some proteins.

    Parameters
    ----------
    records
        Proteins.
    parts
        Of `PARTS`.
    shape, preset
        Of the T5 encoder and of our own student.
    tokens
        Residues of a batch that we learn.
    rounds
        That count.
    """
    count = len(records)
    found: dict[str, Any] = {
        "proteins": count,
        "residues": sum(map(len, records)),
        "longest": max(map(len, records)),
    }
    if "embedding" in parts:
        with TemporaryDirectory() as scratch:
            tasks = embedding_tasks(shape, preset, records, Path(scratch))
            found["smallest_cosines"] = agreement(tasks)
            found["embedding"] = measure(tasks, count, rounds)
    if "step" in parts:
        found["step"] = measure(step_tasks(shape, preset, records, tokens), count, rounds)
    return found


def main() -> None:
    given = _arguments()
    torch.set_num_threads(given.threads)
    shape = PlainShape()
    sets = {"natural": (given.proteins, NATURAL), "long": (given.long_proteins, LONG)}
    figures: dict[str, Any] = {
        **machine("cpu", given.threads),
        "fasta": str(given.fasta),
        "baseline": RELEASED,
        "sets": {
            name: compare(
                drawn(given.fasta, count, residues),
                [given.only] if given.only else PARTS,
                shape=shape,
                preset=given.student,
                tokens=given.tokens,
                rounds=given.rounds,
            )
            for name, (count, residues) in sets.items()
            if count
        },
    }
    save_results(given.out, "benchmarks.mtdp_training", figures)
    print("\n".join(table(figures["sets"])))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--fasta", type=Path, default=Path("../shared/data/pretrain/sequences.fasta.gz")
    )
    parser.add_argument("--proteins", type=int, default=32)
    parser.add_argument("--long-proteins", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=2048, help="of a batch that we learn")
    parser.add_argument("--student", default="20m", help="preset of our own student")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
