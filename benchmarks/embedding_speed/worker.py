"""The process of one variant: does what it is told, one line of JSON at a time.

    python -m benchmarks.embedding_speed.worker VARIANT

It runs under the variant's own interpreter, so that it needs torch and the variant's libraries, but
not multiprot. Whatever they print goes to standard error.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

from benchmarks.embedding_speed.shapes import VOCABULARY
from benchmarks.embedding_speed.variants import VARIANTS
from benchmarks.embedding_speed.variants.ours import Multiprot

LIBRARIES = ("torch", "transformers", "fair-esm", "faesm", "biotrainer", "multiprot", "flash-attn")


class Worker:
    """Every public method is a command; its keyword arguments come as JSON, its result goes so."""

    def __init__(self, name: str) -> None:
        self._variant = VARIANTS[name].make()
        self._device = "cpu"

    def load(self, checkpoint: str, device: str, threads: int) -> dict[str, Any]:
        """Load the model; how long it took, and which libraries and threads are at work."""
        import torch

        torch.set_num_threads(threads)
        self._device = device
        began = time.perf_counter()
        self._variant.load(Path(checkpoint), device)
        seconds = time.perf_counter() - began
        return {"load_seconds": seconds, "own_peak_mib": _own_peak(), "libraries": _versions()}

    def tune(self, fasta: str, scratch: str) -> dict[str, Any]:
        """Let the variant choose its settings."""
        self._variant.tune(Path(fasta), Path(scratch))
        return {"settings": self._variant.settings}

    def count(self, fasta: str, out: str) -> dict[str, Any]:
        """A first run, which warms up: tokens that were embedded, padding included, and memory."""
        import torch

        tokens = 0

        def look(module: torch.nn.Module, given: tuple[Any, ...]) -> None:
            nonlocal tokens
            # Every variant looks letters up in the one table of ESM-2's vocabulary.
            table = isinstance(module, torch.nn.Embedding)
            if table and module.num_embeddings == len(VOCABULARY):
                tokens += given[0].numel()

        cuda = self._device.startswith("cuda")
        if cuda:
            torch.cuda.reset_peak_memory_stats(self._device)
        hook = torch.nn.modules.module.register_module_forward_pre_hook(look)
        self._variant.run(Path(fasta), Path(out))
        hook.remove()
        peak = torch.cuda.max_memory_allocated(self._device) / 2**20 if cuda else None
        return {"tokens": tokens or None, "device_peak_mib": peak}

    def run(self, fasta: str, out: str) -> dict[str, float]:
        """A run from file to file: wall and processor time, and peak memory so far."""
        began, spent = time.perf_counter(), _processor_seconds()
        self._variant.run(Path(fasta), Path(out))
        seconds = time.perf_counter() - began
        return {
            "seconds": seconds,
            "processor_seconds": _processor_seconds() - spent,
            "own_peak_mib": _own_peak(),
        }

    def start(self, inputs: str, out: str) -> dict[str, float]:
        """How long the engine takes to get going."""
        if not isinstance(self._variant, Multiprot):
            raise TypeError(f"{type(self._variant).__name__} tells nothing of its start")
        return self._variant.start(Path(inputs), Path(out))

    def read(self, out: str, into: str) -> dict[str, Any]:
        """Put what was written into one `.npz` file, in the order of names."""
        import numpy as np

        names, vectors = self._variant.read(Path(out))
        order = sorted(range(len(names)), key=names.__getitem__)
        np.savez(into, names=[names[row] for row in order], vectors=vectors[order])
        return {"width": int(vectors.shape[1])}

    def give_back(self) -> None:
        """Let other processes have the device memory that is kept for the next run."""
        if self._device.startswith("cuda"):
            import torch

            torch.cuda.empty_cache()

    def ceiling(self, precision: str) -> dict[str, float]:
        """Floating-point operations per second of matrix products alone, with these threads."""
        from benchmarks.embedding_speed.ceiling import matmul_ceiling

        return {"flops": matmul_ceiling(self._device, precision)}

    def profile(self, fasta: str, out: str) -> dict[str, Any]:
        """Where the time of a run goes."""
        from benchmarks.embedding_speed.time_shares import profiled

        return profiled(lambda: self._variant.run(Path(fasta), Path(out)), self._device)


def _processor_seconds() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _own_peak() -> float:
    """Largest resident memory of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Not ru_maxrss, which on Linux begins with the size of the process that started this one.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 2**20 if sys.platform == "darwin" else used / 1024


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def serve(worker: Worker, commands: IO[str], answers: IO[str]) -> None:
    """Answer every line of `commands`; an error is an answer too, and the next line is read."""
    for line in commands:
        arguments = json.loads(line)
        act: Callable[..., dict[str, Any]] = getattr(worker, arguments.pop("do"))
        try:
            answer = act(**arguments)
        except Exception as error:  # whatever a rival raises is its result
            answer = {"error": f"{type(error).__name__}: {error}"}
        worker.give_back()
        print(json.dumps(answer), file=answers, flush=True)


def main() -> None:
    """Answer on what was standard output; libraries' own output goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(Worker(sys.argv[1]), sys.stdin, answers)


if __name__ == "__main__":
    main()
