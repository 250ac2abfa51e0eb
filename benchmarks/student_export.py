r"""Residues per second of a student and of its exports, side by side, and how far they are from it.

    python -m benchmarks.student_export --out FILE [--model mini 2m 8m] [--fasta FILE] \
        [--proteins 32] [--rounds 3]

A model is an installed student, a student's folder, or a preset, whose weights are then random. All
variants take turns in every round, on as many threads as torch has; the median counts. multiprot's
own batches are packed; the others' are padded, 8 proteins of like length a batch. Residues are
counted, not padding. Cosines are those of protein vectors with the student's in float32: the mean,
and the mean after the mean vector was taken off both, which is the stricter.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.embedding_speed.machine import machine
from benchmarks.results import save_results
from multiprot.encoders.reference.residue_transformer import ResidueTransformer
from multiprot.export.int8 import write_int8
from multiprot.export.onnx import write_onnx
from multiprot.export.parity import Runner, padded
from multiprot.export.source import open_source
from multiprot.export.transformers_checkpoint import write_checkpoint
from multiprot.proteins import AMINO_ACIDS, read_fasta, residue_indices
from multiprot.student.checkpoint import StudentSettings, save_student
from multiprot.student.config import PresetName, StudentConfig
from multiprot.student.model import Student, packed_tokens

Embed: TypeAlias = Callable[[Sequence[str]], NDArray[np.float32]]

BASELINE: Final = "multiprot, packed, fp32"
PADDED_BATCH: Final = 8
PACKED_RESIDUES: Final = 4096
POOL: Final = 50_000
"""Proteins of a FASTA file from which those are drawn that are embedded."""


def random_proteins(count: int) -> list[str]:
    """Median 300 and mean 360 residues, as in proteomes."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(5.7, 0.6, count), 30, 1500).astype(int)
    return ["".join(rng.choice(list(AMINO_ACIDS), size=length)) for length in lengths]


def packed(trunk: ResidueTransformer, dtype: torch.dtype) -> Embed:
    """multiprot's own way: batches of about 4,096 residues without padding."""
    own = copy.deepcopy(trunk).to(dtype)

    def embed(sequences: Sequence[str]) -> NDArray[np.float32]:
        vectors: list[NDArray[np.float32]] = []
        batch: list[str] = []
        for number, sequence in enumerate(sequences, start=1):
            batch.append(sequence)
            if sum(map(len, batch)) >= PACKED_RESIDUES or number == len(sequences):
                letters = torch.from_numpy(np.concatenate([residue_indices(s) for s in batch]))
                lengths = torch.tensor([len(s) for s in batch])
                with torch.inference_mode():
                    tokens = packed_tokens(own, letters, lengths).float()
                    means = torch.segment_reduce(tokens, "mean", lengths=lengths, axis=0)
                vectors += list(means.numpy())
                batch = []
        return np.stack(vectors)

    return embed


def in_rectangles(run: Runner) -> Embed:
    """An exported model on padded batches of like length."""

    def embed(sequences: Sequence[str]) -> NDArray[np.float32]:
        starts = range(0, len(sequences), PADDED_BATCH)
        return np.concatenate(
            [run(*padded(sequences[start : start + PADDED_BATCH]))[1] for start in starts]
        )

    return embed


def variants_of(model: str, scratch: Path) -> tuple[dict[str, Embed], dict[str, int]]:
    """The student and its exports; and bytes of the exports' weights."""
    if model in get_args(PresetName):
        torch.manual_seed(0)
        config = StudentConfig.model_validate({"preset": model})
        save_student(scratch / "s", Student(config), StudentSettings(config, None, {}), card="")
        model = str(scratch / "s")
    source = open_source(model)
    made: dict[str, Embed] = {
        BASELINE: packed(source.trunk, torch.float32),
        "multiprot, packed, bf16": packed(source.trunk, torch.bfloat16),
    }
    writers = {
        "transformers, fp32": write_checkpoint,
        "ONNX Runtime, fp32": write_onnx,
        "ONNX Runtime, INT8": write_int8,
    }
    sizes = {}
    for number, (name, write) in enumerate(writers.items()):
        folder = scratch / str(number)
        folder.mkdir()
        made[name] = in_rectangles(write(folder, source))
        sizes[name] = max(file.stat().st_size for file in folder.iterdir())
    return made, sizes


def compare(model: str, sequences: Sequence[str], rounds: int) -> list[dict[str, Any]]:
    """One row per variant."""
    with tempfile.TemporaryDirectory() as scratch:
        variants, sizes = variants_of(model, Path(scratch))
        vectors = {name: embed(sequences) for name, embed in variants.items()}
        runs: dict[str, list[float]] = {name: [] for name in variants}
        for _ in range(rounds):
            for name, embed in variants.items():
                begun = time.perf_counter()
                embed(sequences)
                runs[name].append(time.perf_counter() - begun)
    residues = sum(map(len, sequences))
    baseline = median(runs[BASELINE])
    return [
        {
            "model": model,
            "variant": name,
            "residues_per_second": round(residues / median(runs[name])),
            "ratio": round(baseline / median(runs[name]), 2),
            "bytes": sizes.get(name),
            **cosines(vectors[name], vectors[BASELINE]),
        }
        for name in variants
    ]


def cosines(found: NDArray[np.float32], expected: NDArray[np.float32]) -> dict[str, float]:
    """Mean cosine of vectors [protein, channel], as they are and centred."""
    centre = expected.mean(axis=0)

    def mean(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
        norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        return round(float(((one * other).sum(axis=1) / norms).mean()), 6)

    return {"cosine": mean(found, expected), "centred": mean(found - centre, expected - centre)}


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| model | variant | residues/s | ratio | cosine | centred cosine |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['model']} | {row['variant']} | {row['residues_per_second']:,} | {row['ratio']} "
        f"| {row['cosine']:.5f} | {row['centred']:.5f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", nargs="+", default=["mini", "2m", "8m"])
    parser.add_argument("--fasta", type=Path)
    parser.add_argument("--proteins", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.fasta is None:
        sequences = random_proteins(given.proteins)
    else:
        # Neighbours in a file are often kin, which says little about all of it.
        pool = [record.sequence for record in islice(read_fasta(given.fasta), POOL)]
        drawn = np.random.default_rng(0).permutation(len(pool))[: given.proteins]
        sequences = [pool[number] for number in drawn]
    sequences.sort(key=len, reverse=True)
    told = machine("cpu", torch.get_num_threads())
    rows = [row for model in given.model for row in compare(model, sequences, given.rounds)]
    print(table(rows))
    figures = {"machine_details": told, "residues": sum(map(len, sequences)), "rows": rows}
    save_results(given.out, "benchmarks.student_export", figures)


if __name__ == "__main__":
    main()
