"""Shards computed on a Ray cluster, by Ray Data."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import multiprot.errors
from multiprot.embedding.engines.engine import Engine, OnBatch
from multiprot.embedding.engines.ray_cluster import Seats, connected, import_ray, seats
from multiprot.embedding.engines.spec import EmbedderSpec
from multiprot.embedding.ledger.computed import Computed
from multiprot.embedding.ledger.finisher import Made
from multiprot.embedding.ledger.plan import PlannedShard
from multiprot.embedding.ledger.records import ShardRecord
from multiprot.embedding.ledger.sealing import Sealer
from multiprot.errors import EmbeddingError
from multiprot.files import named_errors

_POLL: Final = 5.0
"""Seconds between two looks for workers that hang."""


class RayData(Engine):
    """A pool of Ray actors, each with the model, over shards that are handed out as they are read.

    The store must lie on storage that all nodes share. What dies, Ray starts again, somewhere; the
    shard is then computed again, and after the second death with more care (`Office`).

    Parameters
    ----------
    spec
        The model; each worker opens it by itself. "cuda": each has a GPU of its own.
    workers
        How many; 0: one for each GPU, or one for each node.
    residues
        Whether rows have residue matrices.
    patience
        Seconds after which a worker from which nothing is heard is ended.

    Raises
    ------
    EmbeddingError
        If Ray is not installed.
    """

    def __init__(
        self, spec: EmbedderSpec, *, workers: int, residues: bool, patience: float = 900.0
    ) -> None:
        import_ray()
        self._spec = spec.on(spec.device.partition(":")[0])
        self._workers = workers
        self._residues = residues
        self._patience = patience

    def run(
        self, shards: Iterator[PlannedShard], sealer: Sealer, on_batch: OnBatch
    ) -> Generator[tuple[PlannedShard, Made]]:
        """As `Engine.run`; workers write the files of shards that need no rows of others.

        Raises
        ------
        EmbeddingError
            If the cluster cannot be used; if a node does not share the store's storage; if workers
            die over the same shard again and again.
        """
        first = next(shards, None)
        if first is None:
            return
        sealer = replace(sealer, folder=sealer.folder.absolute(), work=sealer.work.absolute())
        with connected() as ray, _named_failures(ray):
            alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
            found = seats(alive, gpus=self._spec.device == "cuda", workers=self._workers)
            run = _Run(ray, self._setup(ray, sealer, found), found, self._patience)
            yield from run.work_off(chain([first], shards), on_batch)

    def _setup(self, ray: Any, sealer: Sealer, found: Seats) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        from multiprot.embedding.engines.ray_office import Office
        from multiprot.embedding.engines.ray_worker import Setup

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        office = ray.remote(num_cpus=0, scheduling_strategy=here)(Office).remote()
        sign = f"ray-{uuid4().hex}"
        with named_errors(sealer.work):
            (sealer.work / sign).write_text(sign)
        return Setup(
            spec=self._spec,
            sealer=sealer,
            residues=self._residues,
            threads=found.cpus,
            office=office,
            sign=sign,
            directory=Path.cwd(),
        )


class _Run:
    """One run on a cluster."""

    def __init__(self, ray: Any, setup: Any, found: Seats, patience: float) -> None:
        self._ray = ray
        self._setup = setup
        self._seats = found
        self._patience = patience
        self._out: dict[int, PlannedShard] = {}
        # One shard for each worker, and one that waits.
        self._room = threading.Semaphore(found.workers + 1)
        self._over = threading.Event()

    def work_off(
        self, shards: Iterator[PlannedShard], on_batch: OnBatch
    ) -> Generator[tuple[PlannedShard, Made]]:
        """Hand shards in as others are finished, and give what comes of them."""
        with (
            ThreadPoolExecutor(2, thread_name_prefix="multiprot-ray") as pool,
            closing(self._outcomes()) as outcomes,
        ):
            pool.submit(self._watch)
            handing_in = pool.submit(self._hand_in, shards)
            try:
                for outcome in outcomes:
                    shard = self._out.pop(outcome["number"], None)
                    if shard is None:
                        continue  # computed twice, as after a loss; one of the two is enough
                    self._room.release()
                    self._setup.office.finished.remote(outcome["number"])
                    if outcome["message"] is not None:
                        raise _error(outcome)
                    on_batch(outcome["proteins"], outcome["residues"])
                    yield shard, self._made(shard, outcome)
            finally:
                self._over.set()
                self._room.release()
            handing_in.result()
        if self._out:
            raise EmbeddingError(
                f"Ray ended without {len(self._out)} shards that it was given; finished shards "
                "are kept, go on with --resume"
            )

    def _hand_in(self, shards: Iterator[PlannedShard]) -> None:
        """Body of a thread, so that what is finished need not wait for what is read."""
        office = self._setup.office
        try:
            for number in count():
                self._room.acquire()
                shard = None if self._over.is_set() else next(shards, None)
                if shard is None:
                    return
                # The proteins are Ray's from here on.
                self._out[number] = replace(shard, records=())
                self._ray.get(office.hand_in.remote(number, [self._ray.put(shard)]))
        finally:
            office.end.remote()

    def _watch(self) -> None:
        """Body of a thread: end workers that hang, for Ray to start them again."""
        while not self._over.wait(min(_POLL, self._patience)):
            for worker in self._ray.get(self._setup.office.silent.remote(self._patience)):
                self._ray.kill(worker, no_restart=False)

    def _outcomes(self) -> Generator[dict[str, Any]]:
        from ray.data import ActorPoolStrategy, read_datasource

        from multiprot.embedding.engines.ray_source import ShardNumbers
        from multiprot.embedding.engines.ray_worker import ShardWorker

        # A shard that waits can then go to whoever is free first.
        pool = ActorPoolStrategy(size=self._seats.workers, max_tasks_in_flight_per_actor=1)
        with _streaming():
            numbers = read_datasource(
                ShardNumbers(self._setup.office), num_cpus=0, override_num_blocks=1
            )
            dataset = numbers.map_batches(
                ShardWorker,
                fn_constructor_args=(self._setup,),
                batch_size=1,
                batch_format="pyarrow",
                compute=pool,
                num_cpus=self._seats.cpus,
                num_gpus=self._seats.gpus,
            )
        # Nothing is fetched ahead: each outcome is given as soon as it is there.
        tables = dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
        for table in tables:
            yield from table.to_pylist()

    def _made(self, shard: PlannedShard, outcome: Mapping[str, Any]) -> Made:
        """Bring a shard's files from the worker's folder to where the ledger wants them."""
        sealer = self._setup.sealer
        part = sealer.part(shard.number)
        record = None
        files: dict[str, int | None] = {part.name: None}
        if outcome["record"] is not None:
            record = ShardRecord.from_json(json.loads(outcome["record"]), outcome["node"])
            files = {Path(name).name: entry.size for name, entry in record.files.items()}
        for name, size in files.items():
            self._take(outcome, name, size)
        return Computed.read(part) if record is None else record

    def _take(self, outcome: Mapping[str, Any], name: str, size: int | None) -> None:
        from multiprot.embedding.engines.ray_worker import other_storage

        work = self._setup.sealer.work
        written = work / outcome["folder"] / name
        if not written.is_file() or (size is not None and written.stat().st_size != size):
            raise other_storage(outcome["node"], written)
        with named_errors(written):
            written.replace(work / name)


@contextmanager
def _streaming() -> Iterator[None]:
    """Ray Data's settings for datasets that are made inside: each row goes on at once, quietly."""
    from ray.data import DataContext

    wanted = {
        "target_max_block_size": 1,  # bytes: a block is never smaller than a row
        "enable_progress_bars": False,
        "print_on_execution_start": False,
    }
    context = DataContext.get_current()
    before = {name: getattr(context, name) for name in wanted}
    for name, value in wanted.items():
        setattr(context, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)


@contextmanager
def _named_failures(ray: Any) -> Iterator[None]:
    try:
        yield
    except ray.exceptions.RayError as error:
        lines = str(error).strip().splitlines()
        told = lines[-1] if lines else type(error).__name__
        raise EmbeddingError(
            f"the run on the Ray cluster failed ({told}); finished shards are kept: look into "
            "Ray's logs on its nodes (/tmp/ray/session_latest/logs), then go on with --resume"
        ) from error


def _error(outcome: Mapping[str, Any]) -> multiprot.errors.MultiprotError:
    """What a worker raised."""
    kind = getattr(multiprot.errors, outcome["error"], EmbeddingError)
    raised: multiprot.errors.MultiprotError = kind(outcome["message"])
    return raised
