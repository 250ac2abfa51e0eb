"""The embedding engine beside what people would use instead: speed, memory, start, exactly-once.

    python benchmarks/embedding.py [--quick] --json FILE

All variants embed the same proteins with the same weights, from a FASTA file to finished vectors on
disk, each in a process of its own; in every round they take turns. Rivals that need libraries of
other versions run under an interpreter of their own:

    python -m venv V && V/bin/pip install torch 'transformers==4.49.0' faesm
    python -m venv W && W/bin/pip install torch biotrainer
    python benchmarks/embedding.py --json FILE --python faesm=V/bin/python --python biotrainer=...

A rival that is not there, or cannot load the checkpoint, is listed with the reason.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

if not __package__:
    # Called by its path: the folder of this file gives way to the project's root.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.embedding_speed import report, scale
from benchmarks.embedding_speed.exactly_once import LARGEST_COST, exactly_once
from benchmarks.embedding_speed.machine import machine
from benchmarks.embedding_speed.sample import draw_sample, shared_file
from benchmarks.embedding_speed.shapes import SHAPES
from benchmarks.embedding_speed.speed import SEED, Plan, compare
from benchmarks.embedding_speed.variants import VARIANTS
from benchmarks.results import save_results

FULL_SHAPES: Final = {"cpu": ("8M", "35M"), "cuda": ("8M", "35M", "150M", "650M")}
SEQUENCES: Final = {True: scale.Scale(2_000, 20_000, 1), False: scale.Scale(100_000, 1_000_000, 1)}
FILES: Final = {True: scale.Scale(1_000, 5_000, 1), False: scale.Scale(1_000, 100_000, 3)}
PAIRS: Final = {True: 3, False: 12}
"""By whether it has to be quick."""


def main() -> None:
    """Measure, print and save."""
    chosen = _arguments()
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "speed": lambda: compare(_plan(chosen)),
        "memory": lambda: _memory(chosen),
        "start": lambda: _start(chosen),
        "exactly-once": lambda: _exactly_once(chosen),
    }
    figures: dict[str, Any] = machine(chosen.device, chosen.threads)
    for part in chosen.part or parts:
        figures[part] = parts[part]()
        save_results(chosen.json, "benchmarks.embedding", figures)
    print(f"written: {chosen.json}")


def _memory(chosen: argparse.Namespace) -> dict[str, Any]:
    figures = scale.memory(SEQUENCES[chosen.quick], chosen.threads)
    print(report.memory_lines(figures, scale.LARGEST_GROWTH), end="\n\n", flush=True)
    return figures


def _start(chosen: argparse.Namespace) -> dict[str, Any]:
    figures = scale.start(FILES[chosen.quick], chosen.threads)
    print(report.start_lines(figures), end="\n\n", flush=True)
    return figures


def _exactly_once(chosen: argparse.Namespace) -> dict[str, Any]:
    sample = draw_sample(chosen.proteins or (60 if chosen.quick else 400), SEED, _source(chosen))
    shape = (chosen.shape or ["8M"])[0]
    pairs = chosen.rounds or PAIRS[chosen.quick]
    figures = exactly_once(sample, shape, "bf16", pairs, chosen.threads)
    print(report.exactly_once_lines(figures, LARGEST_COST), end="\n\n", flush=True)
    return figures


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python benchmarks/embedding.py", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    parser.add_argument("--quick", action="store_true", help="8M, few proteins, one round")
    parts = ["speed", "memory", "start", "exactly-once"]
    parser.add_argument("--part", action="append", choices=parts, help="only this; repeatable")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each variant")
    parser.add_argument("--shape", action="append", choices=list(SHAPES), help="repeatable")
    parser.add_argument("--proteins", type=int, help="size of the sample")
    parser.add_argument("--rounds", type=int, help="timed runs of each variant")
    parser.add_argument("--generated", action="store_true", help="no real proteins")
    parser.add_argument(
        "--variant", action="append", help="only those with this in their name; repeatable"
    )
    parser.add_argument(
        "--python", action="append", default=[], metavar="RIVAL=PATH", help="its interpreter"
    )
    return parser.parse_args()


def _plan(chosen: argparse.Namespace) -> Plan:
    everywhere = FULL_SHAPES[chosen.device.split(":")[0]]
    words = chosen.variant or [""]
    return Plan(
        shapes=chosen.shape or (FULL_SHAPES["cpu"][:1] if chosen.quick else everywhere),
        variants=[
            name
            for name, entry in VARIANTS.items()
            if name in words or (entry.compared and any(word in name for word in words))
        ],
        device=chosen.device,
        threads=chosen.threads,
        rounds=chosen.rounds or (1 if chosen.quick else 5),
        proteins=chosen.proteins or (60 if chosen.quick else None),
        source=_source(chosen),
        pythons=dict(given.split("=", 1) for given in chosen.python),
    )


def _source(chosen: argparse.Namespace) -> Path | None:
    return None if chosen.generated else shared_file()


if __name__ == "__main__":
    main()
