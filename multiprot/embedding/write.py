"""From inputs to an embedding store on disk, each input exactly once."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from multiprot.embedding.ahead import read_ahead
from multiprot.embedding.embedder import Embedder
from multiprot.embedding.engines.engine import Engine
from multiprot.embedding.engines.in_process import InProcess
from multiprot.embedding.ledger.blueprint import Blueprint
from multiprot.embedding.ledger.finisher import Finisher
from multiprot.embedding.ledger.manifest import complete
from multiprot.embedding.ledger.plan import PlannedShard, planned_shards
from multiprot.embedding.ledger.records import ShardRecord
from multiprot.embedding.ledger.sealing import Sealer
from multiprot.embedding.ledger.seen import Seen
from multiprot.embedding.ledger.stopping import EmbeddingStoppedError, Stopping
from multiprot.embedding.ledger.workplace import Workplace, at_work
from multiprot.embedding.progress import Progress
from multiprot.embedding.reading import InputReader
from multiprot.embedding.store import EmbeddingStore
from multiprot.embedding.store_format import ledger_name
from multiprot.errors import EmbeddingError

_SHARDS_AHEAD: Final = 1
"""Shards read while another is computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How a run treats what is there, and what it cannot use.

    Attributes
    ----------
    residues
        Store residue matrices too.
    resume
        Go on with a run that was begun; check a store that is finished.
    overwrite
        Replace what lies at the output.
    strict
        Stop at the first input that is refused, instead of listing it in the ledger.
    readers
        Processes that parse structure files; 0: this one does.
    """

    residues: bool = False
    resume: bool = False
    overwrite: bool = False
    strict: bool = False
    readers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedSummary:
    """What an embedding run did.

    Attributes
    ----------
    path
        The store.
    manifest
        What the store's manifest says: model, settings, and counts of inputs, proteins, windowed,
        duplicates, refused.
    warnings
        What a user should know: of the model, of refused inputs, of shards that were damaged.
    computed
        Proteins that this run computed.
    residues
        Residues that went through the model: where windows overlap, they count in each.
    skipped
        Inputs of shards that an earlier run had finished.
    redone
        Finished shards that were damaged and were made again, and what was wrong with them.
    seconds
        Time for reading, embedding and writing, without loading the model.
    """

    path: Path
    manifest: Mapping[str, Any]
    warnings: tuple[str, ...]
    computed: int
    residues: int
    skipped: int
    redone: Mapping[int, str]
    seconds: float


def embed_to_store(
    inputs: Sequence[str],
    embedder: Embedder,
    out: Path,
    settings: RunSettings | None = None,
    progress: Progress | None = None,
) -> EmbedSummary:
    """Embed all proteins of `inputs`, in this process, into a store that is whole or absent.

    Parameters
    ----------
    inputs
        FASTA files, structure files, folders of them, corpora, or "-".
    embedder
        The model.
    out
        Folder to make. Until it is whole it grows at `out` with ".unfinished" behind its name.
    settings
        What to do with what is there.
    progress
        Counters to keep up to date.

    Raises
    ------
    MultiprotError
        If an input is missing; if `out` is there or begun, and `settings` do not say what to do;
        if not a single protein can be embedded; at the first refused one if `settings.strict`.
    EmbeddingStoppedError
        After SIGTERM or Ctrl-C, between two shards.
    """
    settings = settings or RunSettings()
    blueprint = Blueprint.of(embedder, residues=settings.residues)
    engine = InProcess(embedder, residues=settings.residues)
    return run_engine(inputs, blueprint, engine, out, settings, progress)


def run_engine(
    inputs: Sequence[str],
    blueprint: Blueprint,
    engine: Engine,
    out: Path,
    settings: RunSettings,
    progress: Progress | None = None,
) -> EmbedSummary:
    """As `embed_to_store`, computed by any engine with a model that fits `blueprint`."""
    progress = progress or Progress()
    header = blueprint.header
    reader = InputReader(inputs, processes=settings.readers)
    with (
        at_work(out, header, resume=settings.resume, overwrite=settings.overwrite) as place,
        Stopping(on_request=reader.stop) as stopping,
    ):
        progress.total = reader.total
        run = _Run(blueprint, engine, place, settings, progress, stopping)
        run.compute(reader)
        if stopping.requested is not None:
            raise EmbeddingStoppedError(_stopped_at(place, settings), stopping.requested)
        run.refuse_nothing_made()
        manifest = place.whole or complete(place.folder, header.content, place.records)
        place.publish()
    return EmbedSummary(
        path=out,
        manifest=manifest,
        warnings=tuple(_warnings(manifest, out, place.redone)),
        computed=progress.computed,
        residues=progress.residues,
        skipped=progress.skipped,
        redone=place.redone,
        seconds=progress.seconds,
    )


@dataclass(slots=True)
class _Run:
    """One run on its workplace."""

    blueprint: Blueprint
    engine: Engine
    place: Workplace
    settings: RunSettings
    progress: Progress
    stopping: Stopping

    def compute(self, reader: InputReader) -> None:
        """Bring every shard to its place."""
        sealer = Sealer(self.place.folder, self.place.work, self.blueprint.header.hash)
        consumed: dict[int, int] = {}

        def committed(record: ShardRecord) -> None:
            self.progress.finished(record, consumed.pop(record.number))

        with (
            Seen(self.place.work / "seen.sqlite") as seen,
            Finisher(self.place, sealer, check=self._check, on_commit=committed) as finisher,
            closing(self._missing(reader, seen)) as planned,
            closing(read_ahead(planned, _SHARDS_AHEAD, self._is_stopped)) as shards,
        ):
            wanted = self._until_stopped(shards, consumed)
            with closing(self.engine.run(wanted, sealer, self.progress.batch)) as done:
                for shard, made in done:
                    finisher.take(shard, made)

    def _is_stopped(self) -> bool:
        return self.stopping.requested is not None

    def refuse_nothing_made(self) -> None:
        """Raise `EmbeddingError` if not one protein has a vector."""
        records = self.place.records
        if any(record.proteins for record in records.values()):
            return
        refused = sum(record.inputs for record in records.values())
        first = next(iter(records), None)
        told = "" if first is None else f", the first: {self._first_refusal(first)}"
        raise EmbeddingError(
            f"no protein was embedded ({refused:,} refused{told}); nothing is written"
        )

    def _missing(self, reader: InputReader, seen: Seen) -> Generator[PlannedShard]:
        """Shards that are not finished; the finished ones are compared with the input."""
        last = -1
        with closing(reader.rows()) as rows:
            for shard in planned_shards(rows, seen, self.blueprint.digest, self.blueprint.limits):
                last = shard.number
                record = self.place.records.get(shard.number)
                if record is None and self.place.whole is None:
                    yield shard
                    continue
                if record is None or shard.input_hash != record.input_hash:
                    raise self._other_input(shard)
                if self.settings.strict and record.statuses.get("refused"):
                    raise EmbeddingError(self._first_refusal(record.number))
                self.progress.finished(record, shard.consumed, before=True)
        surplus = [number for number in self.place.records if number > last]
        if surplus:
            raise EmbeddingError(
                f"{self.place.out}: shard {surplus[0]} is finished, but the input ends before "
                "it; the input changed since the run was begun: restore it, or start anew with "
                "--overwrite"
            )

    def _other_input(self, shard: PlannedShard) -> EmbeddingError:
        return EmbeddingError(
            f"{self.place.out}: shard {shard.number} was made of other input than there is now, "
            f"{shard.origin}; the input changed since the run was begun: restore it, or start anew "
            "with --overwrite"
        )

    def _until_stopped(
        self, shards: Iterator[PlannedShard], consumed: dict[int, int]
    ) -> Iterator[PlannedShard]:
        for shard in shards:
            if self.stopping.requested is not None:
                return
            consumed[shard.number] = shard.consumed
            yield shard

    def _check(self, record: ShardRecord) -> None:
        """Keep a shard with refused inputs from being finished, if that is asked for."""
        if self.settings.strict and record.statuses.get("refused"):
            ledger = self.place.made(ledger_name(record.number))
            raise EmbeddingError(EmbeddingStore.refusals_of(ledger)[0].reason)

    def _first_refusal(self, number: int) -> str:
        home = self.place.folder if self.place.whole is None else self.place.out
        return EmbeddingStore.refusals_of(home / ledger_name(number))[0].reason


def _stopped_at(place: Workplace, settings: RunSettings) -> str:
    if not any(record.proteins for record in place.records.values()):
        return "stopped before a shard was finished; nothing is kept"
    onwards = "the same command" if settings.resume else "--resume"
    return (
        f"stopped; {len(place.records)} finished shards are kept in {place.folder}, go on with "
        f"{onwards}"
    )


def _warnings(manifest: Mapping[str, Any], out: Path, redone: Mapping[int, str]) -> Iterator[str]:
    yield from manifest["model"]["warnings"]
    for number, trouble in redone.items():
        yield f"shard {number} was made again: {trouble}"
    if manifest["refused"]:
        first = EmbeddingStore.open(out, verify=False).first_failure()
        yield (
            f"{manifest['refused']:,} of {manifest['inputs']:,} inputs refused, the first: "
            f"{'' if first is None else first.reason}; all are in the ledger, {out}/_ledger"
        )
