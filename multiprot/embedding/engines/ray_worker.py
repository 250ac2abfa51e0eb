"""What a Ray worker does: open the model, then compute one shard after another."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pyarrow as pa
import ray
import torch

from multiprot.embedding.embedder import Embedder
from multiprot.embedding.engines.ray_office import MOST_OPENINGS, Assignment
from multiprot.embedding.engines.spec import EmbedderSpec
from multiprot.embedding.ledger.blueprint import Blueprint
from multiprot.embedding.ledger.computed import compute_shard
from multiprot.embedding.ledger.plan import PlannedShard
from multiprot.embedding.ledger.sealing import Sealer
from multiprot.embedding.pieces import Piece
from multiprot.errors import EmbeddingError, MultiprotError

_OUTCOME: Final = pa.schema(
    [
        ("number", pa.int64()),
        ("node", pa.string()),
        # In the work folder: where this attempt's files are.
        ("folder", pa.string()),
        # Of a shard that needs no rows of others, as JSON.
        ("record", pa.string()),
        ("proteins", pa.int64()),
        ("residues", pa.int64()),
        # A class of multiprot.errors, and its message.
        ("error", pa.string()),
        ("message", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What every worker of a run is given.

    Attributes
    ----------
    spec
        The model.
    sealer
        The store.
    residues
        Whether rows have residue matrices.
    threads
        For a worker's arithmetic.
    office
        Handle of the run's `Office`.
    sign
        Name and content of a file in the work folder, by which a worker sees that it is the same
        folder as the driver's.
    directory
        The driver's working directory, to which a model's path may be relative.
    """

    spec: EmbedderSpec
    sealer: Sealer
    residues: bool
    threads: int
    office: Any
    sign: str
    directory: Path


class ShardWorker:
    """Called by Ray Data with numbers of shards, one at a time.

    Errors that a user can mend are given back as rows: raised, they would come out as Ray's.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._node = ray.util.get_node_ip_address()
        self._error: MultiprotError | None = None
        torch.set_num_threads(setup.threads)
        # Where it is not there, nothing that is named relative to it is found, and that is told.
        with suppress(OSError):
            os.chdir(setup.directory)
        try:
            self._refuse_other_folder()
            self._embedder = self._opened()
        except MultiprotError as error:
            self._error = error

    def __call__(self, batch: Any) -> Any:
        """Outcomes of the shards in a table of numbers."""
        rows = [self._outcome(number) for number in batch.column("number").to_pylist()]
        return pa.Table.from_pylist(rows, schema=_OUTCOME)

    def _outcome(self, number: int) -> dict[str, Any]:
        told: dict[str, Any] = {"number": number, "node": self._node}
        try:
            if self._error is not None:
                raise self._error
            return told | self._computed(number)
        except MultiprotError as error:
            return told | {"error": type(error).__name__, "message": str(error)}

    def _computed(self, number: int) -> dict[str, Any]:
        office, me = self._setup.office, ray.get_runtime_context().current_actor
        assignment: Assignment = ray.get(office.begin.remote(number, me))
        if not assignment.shard:
            # Asked for again although the driver has it, as when a machine was lost.
            return {}
        shard: PlannedShard = ray.get(assignment.shard[0])
        if assignment.hopeless:
            raise EmbeddingError(
                f"{assignment.attempt - 1} workers died over shard {shard.number}, {shard.origin};"
                " finished shards are kept: give workers more memory or fewer tokens "
                "(--tokens-per-batch), then go on with --resume"
            )
        counts = {"proteins": 0, "residues": 0}

        def told(pieces: Sequence[Piece]) -> None:
            counts["proteins"] += len(pieces)
            counts["residues"] += sum(len(piece.record) for piece in pieces)
            ids = tuple(piece.record.id for piece in pieces)
            noted = office.note.remote(number, ids)
            if assignment.exact:
                ray.get(noted)

        # One batch at a time: the one announced last is the one to blame where this worker ends.
        self._embedder.runner.lanes = 1
        self._embedder.runner.on_batch = told
        computed = compute_shard(
            self._embedder,
            shard,
            residues=self._setup.residues,
            alone=assignment.care.alone,
            given_up=assignment.care.given_up,
        )
        # Its own: a worker that Ray took for dead may still be writing the same shard.
        folder = f"ray-{shard.number:05d}-{uuid4().hex}"
        sealer = replace(self._setup.sealer, work=self._setup.sealer.work / folder)
        sealer.work.mkdir()
        record = None
        if shard.foreign:
            computed.write(sealer.part(shard.number))
        else:
            record = json.dumps(sealer.write(shard, computed).to_json())
        office.done.remote(number)
        return {"folder": folder, "record": record, **counts}

    def _refuse_other_folder(self) -> None:
        sign = self._setup.sealer.work / self._setup.sign
        if not sign.is_file() or sign.read_text() != self._setup.sign:
            raise other_storage(self._node, sign)

    def _opened(self) -> Embedder:
        office, worker = self._setup.office, ray.get_runtime_context().get_actor_id()
        openings = ray.get(office.opening.remote(worker))
        if openings > MOST_OPENINGS:
            raise EmbeddingError(
                f"node {self._node}: a worker died {MOST_OPENINGS} times while it opened the "
                "model; finished shards are kept: give workers more memory (fewer of them, "
                "--workers), then go on with --resume"
            )
        embedder = self._setup.spec.open()
        header = Blueprint.of(embedder, residues=self._setup.residues).header
        if header.hash != self._setup.sealer.run_hash:
            raise EmbeddingError(
                f"node {self._node}: opened another model than this run was planned for; install "
                "the same versions and put the same model on all nodes, and start again"
            )
        ray.get(office.opened.remote(worker))
        return embedder


def other_storage(node: str, path: Path) -> EmbeddingError:
    """The error of a node that has not the storage which the driver writes to."""
    return EmbeddingError(
        f"{path}: not the same on the driver and on node {node}; a store is written by all nodes, "
        "so it must lie on storage that all of them share under one path: choose another --out"
    )
