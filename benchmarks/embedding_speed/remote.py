"""A variant in a process of its own, and how much memory that process and its helpers take."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ROOT: Final = Path(__file__).parents[2]
_SAMPLED_EVERY_SECONDS: Final = 0.02


class NotRunError(Exception):
    """A variant could not be loaded or failed; says why."""


class Remote:
    """A worker; commands are calls.

    Parameters
    ----------
    name
        Of `VARIANTS`.
    python
        Interpreter with its libraries.
    log
        File for what it prints.
    threads
        For its kernels.
    """

    def __init__(self, name: str, python: str, log: Path, threads: int) -> None:
        self.name = name
        self._log = log.open("w")
        # Offline: a library that would fetch something is to say so instead.
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(threads),
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        }
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.embedding_speed.worker", name],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A worker ends with its input. Those that answer no more are stopped.
        with contextlib.suppress(subprocess.TimeoutExpired, BrokenPipeError):
            self._process.communicate(timeout=10 if kind is None else 1)
        self._process.kill()
        self._process.wait()
        self._log.close()

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    def __call__(self, do: str, **arguments: Any) -> dict[str, Any]:
        """The worker's answer.

        Raises
        ------
        NotRunError
            If it fails or is gone.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise NotRunError(f"{self.name}: has no pipes")
        try:
            print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            told = Path(self._log.name).read_text().strip().splitlines()[-1:]
            raise NotRunError(f"its process ended: {' '.join(told) or 'it said nothing'}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise NotRunError(answer["error"].splitlines()[0])
        return answer


class MemoryWatch:
    """Largest memory of a process with all its children while the `with` block runs.

    Pages that several of them share count once (Linux' proportional set size).

    Attributes
    ----------
    peak_mib
        None where /proc does not tell it.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_mib: float | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_SAMPLED_EVERY_SECONDS):
            kib = sum(_shared_out_kib(pid) for pid in _family(self._pid))
            if kib:
                self.peak_mib = max(self.peak_mib or 0.0, kib / 1024)


def _family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for parent in found:
        for listing in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in listing.read_text().split()]
    return found


def _shared_out_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended, or this is not Linux
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def python_for(kind: str, given: dict[str, str | None]) -> str:
    """The interpreter that was given for a kind of variant, or this one."""
    return given.get(kind) or sys.executable
