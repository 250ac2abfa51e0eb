"""Ray clusters of a test's own, and runs on them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

SECONDS = 240


def _environment(folder: str) -> dict[str, str]:
    """Apart from any other cluster of this machine."""
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_TMPDIR": folder,
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
    }


@contextmanager
def _folder() -> Iterator[str]:
    """Not pytest's: Ray's sockets are in it, and their paths may not be long."""
    folder = tempfile.mkdtemp(prefix="ray")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def own_cluster() -> Iterator[Any]:
    """Ray, connected to two cores of this machine."""
    before = signal.getsignal(signal.SIGTERM)
    with _folder() as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in _environment(folder).items():
            patch.setenv(name, value)
        # Ray may have been imported without it, and sets it itself.
        os.environ.pop("RAY_AUTH_MODE")
        patch.delenv("RAY_ADDRESS", raising=False)
        ray = pytest.importorskip("ray", reason="ray is not installed: pip install multiprot[ray]")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        try:
            yield ray
        finally:
            ray.shutdown()
            signal.signal(signal.SIGTERM, before)


@dataclass
class Ended:
    """What a run gave."""

    code: int
    output: str
    errors: str

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.output)
        return found


@dataclass
class Running:
    """A command in a process group of its own."""

    process: subprocess.Popen[str]
    deadline: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    def refuse_ended(self) -> None:
        """Wait a moment, and fail where there is nothing to wait for."""
        if self.process.poll() is not None:
            pytest.fail(f"the run ended by itself: {self.finish()}")
        if time.monotonic() > self.deadline:
            self.signal_group(signal.SIGKILL)
            pytest.fail(f"nothing happened for {SECONDS} s: {self.finish()}")
        time.sleep(0.05)

    def signal_group(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def finish(self) -> Ended:
        try:
            output, errors = self.process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.signal_group(signal.SIGKILL)
            output, errors = self.process.communicate()
            errors += f"\nstill running after {SECONDS} s"
        return Ended(self.process.returncode, output, errors)


def started(command: list[str], environment: dict[str, str] | None = None) -> Running:
    """The command, running, with one thread."""
    return Running(
        subprocess.Popen(
            command,
            env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    )


def shards_finished(out: Path) -> list[Path]:
    """Completion records of a run that is not at its end."""
    return list(out.with_name(f"{out.name}.unfinished").glob("_shards/*.json"))


@dataclass
class Node:
    """`ray start`, which watches the processes of a node."""

    process: subprocess.Popen[bytes]

    def lose(self) -> None:
        """SIGKILL of its raylet; its workers die with it."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        pids = children.read_text().split()
        (raylet,) = (p for p in pids if Path(f"/proc/{p}/comm").read_text() == "raylet\n")
        os.kill(int(raylet), signal.SIGKILL)


class Nodes:
    """A cluster whose nodes are process groups on this machine; the first one is its head.

    Attributes
    ----------
    environment
        With which a run finds it, or, without nodes, starts its own.
    """

    def __init__(self) -> None:
        pytest.importorskip("ray", reason="ray is not installed: pip install multiprot[ray]")
        if not sys.platform.startswith("linux"):
            pytest.skip("processes of a node are looked up in /proc, which is Linux's")
        self._folder = _folder()
        self._nodes: list[Node] = []

    def __enter__(self) -> Self:
        self.environment = _environment(self._folder.__enter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for node in reversed(self._nodes):
            try:
                os.killpg(node.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            node.process.wait()
        self._folder.__exit__(kind, error, trace)

    def add(self, *, cpus: int) -> Node:
        """Start a node, and wait until it is part of the cluster."""
        address = self.environment.get("RAY_ADDRESS")
        if address is None:
            address = f"127.0.0.1:{free_port()}"
            port = address.rpartition(":")[2]
            where = ["--head", f"--port={port}", "--include-dashboard=false"]
        else:
            where = [f"--address={address}"]
        program = str(Path(sys.executable).with_name("ray"))
        log = Path(self.environment["RAY_TMPDIR"]) / f"node-{len(self._nodes)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program, "start", *where, f"--num-cpus={cpus}", "--block"],
                env={**os.environ, **self._without_address()},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._nodes.append(Node(process))
        deadline = time.monotonic() + SECONDS
        while "Ray runtime started" not in log.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"a node did not start: {log.read_text()}")
            time.sleep(0.2)
        self.environment["RAY_ADDRESS"] = address
        return self._nodes[-1]

    def _without_address(self) -> dict[str, str]:
        return {name: v for name, v in self.environment.items() if name != "RAY_ADDRESS"}


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port
