"""What a worker process does: open the model, then compute one shard after another."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait

import torch

from multiprot.embedding.embedder import Embedder
from multiprot.embedding.engines.care import Care
from multiprot.embedding.engines.spec import EmbedderSpec
from multiprot.embedding.ledger.blueprint import Blueprint
from multiprot.embedding.ledger.computed import compute_shard
from multiprot.embedding.ledger.plan import PlannedShard
from multiprot.embedding.ledger.records import ShardRecord
from multiprot.embedding.ledger.sealing import Sealer
from multiprot.embedding.pieces import Piece
from multiprot.errors import MultiprotError


@dataclass(frozen=True, slots=True)
class Job:
    """A shard to compute.

    Attributes
    ----------
    shard
        The plan.
    care
        What earlier attempts taught.
    """

    shard: PlannedShard
    care: Care = field(default_factory=Care)


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is open; `run_hash` says which one, and with what settings."""

    run_hash: str


@dataclass(frozen=True, slots=True)
class Beat:
    """A batch is about to be computed."""

    ids: tuple[str, ...]
    residues: int


@dataclass(frozen=True, slots=True)
class Written:
    """A shard's files are in the work folder; not yet committed."""

    record: ShardRecord


@dataclass(frozen=True, slots=True)
class Part:
    """A shard is computed and lies in `Sealer.part`: it needs rows of other shards."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker cannot go on, and no other could: what went wrong."""

    error: MultiprotError


Message = Ready | Beat | Written | Part | Failed


def work(
    connection: Connection, spec: EmbedderSpec, sealer: Sealer, *, residues: bool, threads: int
) -> None:
    """Body of a worker process: answers each `Job` that comes, until None or the parent's end."""
    # A terminal sends Ctrl-C to all; only the parent decides what it means.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    try:
        embedder = spec.open()
        connection.send(Ready(Blueprint.of(embedder, residues=residues).header.hash))
        while (job := connection.recv()) is not None:
            connection.send(_done(connection, embedder, job, sealer, residues=residues))
    except MultiprotError as error:
        connection.send(Failed(error))
    except (EOFError, BrokenPipeError):
        return  # the parent is gone


def _done(
    connection: Connection, embedder: Embedder, job: Job, sealer: Sealer, *, residues: bool
) -> Message:
    def told(pieces: Sequence[Piece]) -> None:
        ids = tuple(piece.record.id for piece in pieces)
        connection.send(Beat(ids, sum(len(piece.record) for piece in pieces)))

    # One batch at a time: the one announced last is the one to blame where this worker ends.
    embedder.runner.lanes = 1
    embedder.runner.on_batch = told
    computed = compute_shard(
        embedder, job.shard, residues=residues, alone=job.care.alone, given_up=job.care.given_up
    )
    if job.shard.foreign:
        computed.write(sealer.part(job.shard.number))
        return Part()
    return Written(sealer.write(job.shard, computed))


def _end_with_parent() -> None:
    """Leave at once when the parent is gone, however it went."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
