"""Several worker processes on this machine, watched: one that dies or hangs is replaced."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, Final

import torch

from multiprot.embedding.engines.engine import Engine, OnBatch
from multiprot.embedding.engines.spec import EmbedderSpec
from multiprot.embedding.engines.worker import (
    Beat,
    Failed,
    Job,
    Message,
    Part,
    Ready,
    Written,
    work,
)
from multiprot.embedding.ledger.computed import Computed
from multiprot.embedding.ledger.finisher import Made
from multiprot.embedding.ledger.plan import PlannedShard
from multiprot.embedding.ledger.sealing import Sealer
from multiprot.errors import EmbeddingError

_POLL: Final = 1.0
_MOST_DEATHS: Final = 16
"""Workers that may end, one after another, without a shard being finished between."""

_MOST_STARTS: Final = 4
"""The same, where the last one had not even opened its model."""

_CONTEXT: Final = get_context("spawn")


@dataclass(slots=True)
class _Worker:
    """A process, and what it is doing.

    Attributes
    ----------
    job
        What it computes, or None.
    batch
        Ids of the batch it announced last.
    heard
        When it last said anything, `time.monotonic`.
    ready
        Its model is open.
    """

    process: Any
    connection: Connection
    device: str
    job: Job | None = None
    batch: tuple[str, ...] = ()
    heard: float = field(default_factory=time.monotonic)
    ready: bool = False

    def give(self, job: Job) -> None:
        """Send it a shard."""
        self.job, self.batch, self.heard = job, (), time.monotonic()
        self.connection.send(job)

    def end(self) -> None:
        """Make it go, whatever it does."""
        self.process.kill()
        self.process.join()
        self.connection.close()


class WorkerProcesses(Engine):
    """As many processes as `devices`, each with the model on its own device.

    A worker that dies is replaced and its shard tried again, with the proteins of the batch it
    died in apart; a protein that ends two workers alone is refused by name. A worker from which
    nothing is heard for `patience` seconds is ended and counts as dead.

    Parameters
    ----------
    spec
        The model; each worker puts it on its own device.
    devices
        One per worker.
    residues
        Whether rows have residue matrices.
    patience
        Seconds.
    """

    def __init__(
        self,
        spec: EmbedderSpec,
        devices: Sequence[str],
        *,
        residues: bool,
        patience: float = 900.0,
    ) -> None:
        self._spec = spec
        self._devices = tuple(devices)
        self._residues = residues
        self._patience = patience

    def run(
        self, shards: Iterator[PlannedShard], sealer: Sealer, on_batch: OnBatch
    ) -> Generator[tuple[PlannedShard, Made]]:
        """As `Engine.run`; workers write the files of shards that need no rows of others."""
        crew = _Crew(self, sealer, on_batch)
        try:
            crew.hire(self._devices)
            yield from crew.work_off(shards)
        finally:
            crew.dismiss()

    def start(self, device: str, sealer: Sealer) -> _Worker:
        """A new worker on `device`."""
        ours, theirs = _CONTEXT.Pipe()
        threads = max(1, _cores() // len(self._devices))
        process = _CONTEXT.Process(
            target=work,
            args=(theirs, self._spec.on(device), sealer),
            kwargs={"residues": self._residues, "threads": threads},
            name=f"multiprot-worker-{device}",
            daemon=True,
        )
        with _born_deaf():
            process.start()
        theirs.close()
        return _Worker(process, ours, device)

    @property
    def patience(self) -> float:
        """Seconds of silence after which a worker counts as hung."""
        return self._patience


class _Crew:
    """The workers of one run."""

    def __init__(self, engine: WorkerProcesses, sealer: Sealer, on_batch: OnBatch) -> None:
        self._engine = engine
        self._sealer = sealer
        self._on_batch = on_batch
        self._workers: list[_Worker] = []
        self._again: deque[Job] = deque()
        self._deaths = 0

    def hire(self, devices: Sequence[str]) -> None:
        for device in devices:
            self._workers.append(self._engine.start(device, self._sealer))

    def dismiss(self) -> None:
        for worker in self._workers:
            worker.end()

    def work_off(self, shards: Iterator[PlannedShard]) -> Iterator[tuple[PlannedShard, Made]]:
        """Give shards out as workers become free; give back what they finish."""
        exhausted = False
        while True:
            for worker in self._workers:
                if worker.ready and worker.job is None:
                    job = self._again.popleft() if self._again else None
                    if job is None and not exhausted:
                        shard = next(shards, None)
                        exhausted = shard is None
                        job = None if shard is None else Job(shard)
                    if job is not None:
                        self._give(worker, job)
            if exhausted and not self._again and all(w.job is None for w in self._workers):
                return
            yield from self._listen()

    def _give(self, worker: _Worker, job: Job) -> None:
        try:
            worker.give(job)
        except (BrokenPipeError, OSError):
            self._bury(worker)

    def _listen(self) -> Iterator[tuple[PlannedShard, Made]]:
        """Hear what the workers say for a moment, and see that they live."""
        by_channel = {w.connection: w for w in self._workers}
        for channel in wait(list(by_channel), timeout=_POLL):
            worker = by_channel[channel]  # type: ignore[index]
            try:
                message: Message = worker.connection.recv()
            except (EOFError, OSError):
                self._bury(worker)
                continue
            worker.heard = time.monotonic()
            yield from self._understood(worker, message)
        for worker in list(self._workers):
            silent = time.monotonic() - worker.heard
            if (worker.job or not worker.ready) and silent > self._engine.patience:
                self._bury(worker, f"said nothing for {silent:.0f} s and was ended")

    def _understood(self, worker: _Worker, message: Message) -> Iterator[tuple[PlannedShard, Made]]:
        if isinstance(message, Failed):
            raise message.error
        if isinstance(message, Ready):
            self._refuse_other_model(message)
            worker.ready = True
        elif isinstance(message, Beat):
            worker.batch = message.ids
            self._on_batch(len(message.ids), message.residues)
        elif worker.job is not None:
            shard, worker.job, self._deaths = worker.job.shard, None, 0
            yield shard, self._made(shard, message)

    def _made(self, shard: PlannedShard, message: Written | Part) -> Made:
        if isinstance(message, Written):
            return message.record
        return Computed.read(self._sealer.part(shard.number))

    def _refuse_other_model(self, ready: Ready) -> None:
        if ready.run_hash != self._sealer.run_hash:
            raise EmbeddingError(
                "a worker opened another model than this run was planned for; the model's files "
                "changed in between: start again"
            )

    def _bury(self, worker: _Worker, how: str | None = None) -> None:
        """Replace a worker, and have its shard tried again with more care."""
        worker.end()
        how = how or _ending(worker.process.exitcode)
        self._workers.remove(worker)
        self._deaths += 1
        if self._deaths > _MOST_DEATHS or (not worker.ready and self._deaths > _MOST_STARTS):
            raise EmbeddingError(
                f"{self._deaths} workers ended one after another, the last one {how}; finished "
                "shards are kept: look for its output above, give it more memory or fewer tokens "
                "(--tokens-per-batch), then go on with --resume"
            )
        if worker.job is not None:
            self._again.append(Job(worker.job.shard, worker.job.care.after(worker.batch, how)))
        self._workers.append(self._engine.start(worker.device, self._sealer))


@contextmanager
def _born_deaf() -> Iterator[None]:
    """Processes started within hear no Ctrl-C, not even while Python itself starts in them.

    A terminal sends it to all of them; one that comes meanwhile reaches this process afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Where it starts its own helper, multiprocessing sets the mask itself.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"died of {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def worker_devices(device: str, workers: int) -> list[str]:
    """The device of each worker: "cuda" means all GPUs, one after another."""
    if device != "cuda":
        return [device] * workers
    return [f"cuda:{number % max(1, torch.cuda.device_count())}" for number in range(workers)]
