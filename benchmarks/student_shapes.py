r"""Residues per second of students of one size and different shapes: deeper, wider, other norms.

    python -m benchmarks.student_shapes --out FILE [--size 2m 8m 20m 35m] [--device cpu|cuda] \
        [--residues 4096] [--rounds 5]

What is timed is the forward pass of a packed batch of proteins of proteome-like lengths, in
float32 and in bfloat16, in inference mode. All shapes of a size take turns in every round; the
median counts. Weights are random: speed does not ask what they are. **Quality is not measured
here.** Shapes are compared at nearly equal numbers of parameters, which says no more than that they
could learn about as much.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.embedding_speed.machine import machine
from benchmarks.results import save_results
from multiprot.student.config import StudentConfig
from multiprot.student.model import build_trunk, packed_tokens

SHAPES: Final[dict[str, tuple[tuple[int, int, int], ...]]] = {
    "2m": ((128, 10, 384), (192, 5, 512), (256, 3, 640)),
    "8m": ((256, 10, 640), (320, 6, 864), (384, 5, 896), (384, 5, 1024), (512, 3, 1024)),
    "20m": ((384, 11, 1024), (512, 6, 1408), (640, 4, 1664)),
    "35m": ((512, 11, 1408), (640, 7, 1792), (768, 5, 2048)),
}
"""Width, layers and hidden channels of the feed-forward, deepest first."""

PRECISIONS: Final = {"fp32": torch.float32, "bf16": torch.bfloat16}


def batch_of(residues: int, device: str) -> tuple[Tensor, Tensor]:
    """Letters [residue] and lengths [protein] of about `residues` residues, longest first."""
    rng = np.random.default_rng(0)
    lengths: list[int] = []
    while sum(lengths) < residues:
        # Median 300 and mean 360 residues, as in proteomes.
        lengths.append(int(np.clip(rng.lognormal(5.7, 0.6), 30, 1500)))
    lengths.sort(reverse=True)
    letters = torch.from_numpy(rng.integers(0, 20, sum(lengths)))
    return letters.to(device), torch.tensor(lengths).to(device)


def seconds(trunk: nn.Module, letters: Tensor, lengths: Tensor) -> float:
    """Of one forward pass."""
    with torch.inference_mode():
        begun = time.perf_counter()
        packed_tokens(trunk, letters, lengths)
        if letters.is_cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - begun


def compare(size: str, device: str, residues: int, rounds: int) -> list[dict[str, Any]]:
    """One row per shape: parameters, and residues per second in each precision."""
    letters, lengths = batch_of(residues, device)
    trunks: dict[tuple[tuple[int, int, int], str], nn.Module] = {}
    for shape in SHAPES[size]:
        width, layers, hidden = shape
        config = StudentConfig(width=width, layers=layers, feed_forward_width=hidden)
        for name, dtype in PRECISIONS.items():
            trunks[shape, name] = build_trunk(config).eval().to(device=device, dtype=dtype)
    runs: dict[Any, list[float]] = {key: [] for key in trunks}
    for number in range(rounds + 1):
        for key, trunk in trunks.items():
            taken = seconds(trunk, letters, lengths)
            if number:  # the first round warms up
                runs[key].append(taken)
    rows = []
    for shape in SHAPES[size]:
        rates = {name: round(len(letters) / median(runs[shape, name])) for name in PRECISIONS}
        parameters = sum(p.numel() for p in trunks[shape, "fp32"].parameters())
        rows.append(
            {
                "size": size,
                "width": shape[0],
                "layers": shape[1],
                "feed_forward_width": shape[2],
                "parameters": parameters,
                "residues_per_second": rates,
            }
        )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| size | width | layers | feed-forward | parameters | fp32 residues/s | bf16 residues/s |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        rates = row["residues_per_second"]
        lines.append(
            f"| {row['size']} | {row['width']} | {row['layers']} | {row['feed_forward_width']} "
            f"| {row['parameters']:,} | {rates['fp32']:,} | {rates['bf16']:,} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--residues", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    told = machine(given.device, torch.get_num_threads())
    rows: list[dict[str, Any]] = []
    for size in given.size:
        rows += compare(size, given.device, given.residues, given.rounds)
    print(table(rows))
    save_results(given.out, "benchmarks.student_shapes", {"machine_details": told, "rows": rows})


if __name__ == "__main__":
    main()
