"""`multiprot embed` as a process of its own that tests disturb."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

SLOW = """
    import sys, time
    from multiprot.cli.main import main
    from multiprot.embedding import Embedder
    from multiprot.embedding.engines.spec import EmbedderSpec
    from tests.embedding.fake_model import FakeModel

    def take_time(records):
        time.sleep(60 if any(record.id == "sleeper" for record in records) else 0.15)

    EmbedderSpec.open = lambda spec: Embedder(FakeModel(take_time), spec.options)
    sys.exit(main(sys.argv[1:]))
"""
"""The verb with the fake model, which takes its time, and very long for a protein "sleeper"."""

ROOT = Path(__file__).parents[2]


def start(*arguments: object, program: str | None = None, **named: Any) -> subprocess.Popen[bytes]:
    """Begin `multiprot embed` with these arguments, or a program that takes them."""
    code = ["-c", textwrap.dedent(program)] if program else ["-m", "multiprot.cli.main"]
    return subprocess.Popen(
        [sys.executable, *code, "embed", *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **named,
    )


def finished_shards(out: Path) -> int:
    """How many shards of an unfinished store are recorded."""
    return len(list(out.with_name(f"{out.name}.unfinished").glob("_shards/*.json")))


def wait_for(
    happened: Callable[[], object],
    processes: Sequence[subprocess.Popen[bytes]] = (),
    limit: int = 120,
) -> None:
    """Return as soon as `happened` gives something true; fail if a process ends before."""
    deadline = time.monotonic() + limit
    while not happened():
        for process in processes:
            if process.poll() is not None:
                out, err = process.communicate()
                raise AssertionError(f"ended with {process.returncode}: {out!r} {err!r}")
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen in {limit} s")
        time.sleep(0.005)


def children_of(process: int) -> list[int]:
    """Process ids of all descendants."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name, in parentheses, may hold anything.
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(stat.parent.name))
    found, waiting = [], [process]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def is_alive(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
