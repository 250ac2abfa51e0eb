"""Memory and throughput with ten times as many sequences, and the start with many files.

The model is tiny, so that reading, planning and writing are what costs.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from benchmarks.embedding_speed.remote import MemoryWatch, Remote, python_for
from benchmarks.embedding_speed.sample import LETTERS
from benchmarks.embedding_speed.shapes import SHAPES, write_checkpoint

OURS: Final = "multiprot fp32"
SMALL_SHARDS: Final = "multiprot fp32, small shards"
SEED: Final = 6
LARGEST_GROWTH: Final = 1.3
_SHORTEST, _LONGEST = 20, 60
_RESIDUES_OF_A_FILE = 8


@dataclass(frozen=True, slots=True)
class Scale:
    """How many sequences or files, and how often each is measured in a process of its own."""

    few: int
    many: int
    rounds: int


def memory(scale: Scale, threads: int) -> dict[str, Any]:
    """Peak memory and throughput for `few` and `many` short sequences, in turns.

    Peaks are of the whole process, libraries and model included; `after_loading_mib` is what of it
    was there before the run.
    """

    def once(worker: Remote, inputs: Path, out: Path) -> dict[str, float]:
        with MemoryWatch(worker.pid) as watch:
            told = worker("run", fasta=str(inputs), out=str(out))
        return {**told, "family_peak_mib": watch.peak_mib or 0.0}

    runs = _in_turns(scale, threads, OURS, _write_sequences, once)
    found: dict[str, Any] = {}
    for count, told in runs.items():
        peak = median(run["own_peak_mib"] for run in told)
        found[str(count)] = {
            "proteins_per_second": count / median(run["seconds"] for run in told),
            "peak_mib": peak,
            "family_peak_mib": median(run["family_peak_mib"] for run in told),
            "after_loading_mib": median(run["loaded_mib"] for run in told),
            "runs": told,
        }
    few, many = (found[str(count)] for count in (scale.few, scale.many))
    return {
        "sequences": found,
        "peak_ratio": many["peak_mib"] / few["peak_mib"],
        "throughput_ratio": many["proteins_per_second"] / few["proteins_per_second"],
    }


def start(scale: Scale, threads: int) -> dict[str, Any]:
    """Time to the first protein and to the first shard of 500 with `few` and `many` files.

    The files were written a moment before, so that they are in the file cache.
    """

    def once(worker: Remote, inputs: Path, out: Path) -> dict[str, float]:
        told = worker("start", inputs=str(inputs), out=str(out))
        shutil.rmtree(out.with_name(f"{out.name}.unfinished"), ignore_errors=True)
        return told

    runs = _in_turns(scale, threads, SMALL_SHARDS, _write_structures, once)
    return {
        "files": {
            str(count): {
                "first_protein_seconds": median(run["first_protein_seconds"] for run in told),
                "first_shard_seconds": median(run["first_shard_seconds"] for run in told),
                "runs": told,
            }
            for count, told in runs.items()
        }
    }


def _in_turns(
    scale: Scale,
    threads: int,
    variant: str,
    write: Callable[[Path, int], Path],
    once: Callable[[Remote, Path, Path], dict[str, float]],
) -> dict[int, list[dict[str, float]]]:
    runs: dict[int, list[dict[str, float]]] = {scale.few: [], scale.many: []}
    with tempfile.TemporaryDirectory(prefix="multiprot-embedding-") as place:
        scratch = Path(place)
        checkpoint = write_checkpoint(SHAPES["tiny"], scratch / "tiny", SEED)
        inputs = {count: write(scratch / f"inputs{count}", count) for count in runs}
        for turn in range(scale.rounds):
            for count, told in runs.items():
                out = scratch / f"out{count}-{turn}"
                log = scratch / "worker.log"
                with Remote(variant, python_for("", {}), log, threads) as worker:
                    loaded = worker(
                        "load", checkpoint=str(checkpoint), device="cpu", threads=threads
                    )
                    found = once(worker, inputs[count], out)
                told.append({**found, "loaded_mib": loaded["own_peak_mib"]})
                shutil.rmtree(out, ignore_errors=True)
    return runs


def _write_sequences(path: Path, count: int) -> Path:
    """A FASTA file of different sequences of 20 to 60 residues."""
    numbers = np.random.default_rng(SEED)
    lengths = numbers.integers(_SHORTEST, _LONGEST + 1, count)
    alphabet = np.frombuffer(LETTERS.encode(), np.uint8)
    letters = alphabet[numbers.integers(0, len(alphabet), lengths.sum())].tobytes().decode()
    position = 0
    with path.open("w") as file:
        for number, length in enumerate(lengths.tolist()):
            file.write(f">s{number}\n{letters[position : position + length]}\n")
            position += length
    return path


def _write_structures(folder: Path, count: int) -> Path:
    """A folder of PDB files with the backbone of a short strand each."""
    folder.mkdir()
    numbers = np.random.default_rng(SEED)
    names = ("ALA", "CYS", "ASP", "GLU", "GLY", "LYS", "LEU", "SER")
    atoms = (("N", 0.0, 0.0), ("CA", 1.2, 0.8), ("C", 2.4, 0.0), ("O", 2.4, -1.2))
    for number in range(count):
        lines, serial = [], 1
        for place, kind in enumerate(numbers.integers(0, len(names), _RESIDUES_OF_A_FILE), 1):
            for atom, x, y in atoms:
                lines.append(
                    f"ATOM  {serial:5}  {atom:<3} {names[kind]} A{place:4}    "
                    f"{x + 3.6 * place:8.3f}{y:8.3f}{0.0:8.3f}  1.00 90.00           {atom[0]}"
                )
                serial += 1
        (folder / f"p{number:07}.pdb").write_text("\n".join([*lines, "END", ""]))
    return folder
