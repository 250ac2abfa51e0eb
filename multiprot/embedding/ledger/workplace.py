"""The folder in which a store grows: `OUT.unfinished`, which becomes `OUT` when all is there.

::

    OUT.unfinished/
      _run.json               model and settings
      _shards/00000.json      completion records, each written after its shard's files
      _ledger/00000.parquet
      vectors-00000.parquet
      _work/                  what is being made; nothing in it counts
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from multiprot.bundle.manifest import read_manifest
from multiprot.embedding.ledger.header import RunHeader
from multiprot.embedding.ledger.records import ShardRecord
from multiprot.embedding.store_format import LEDGER, STORE
from multiprot.errors import EmbeddingError, MultiprotError, OutputExistsError
from multiprot.files import atomic_file, named_errors, refuse_existing, sha256, synced

_RUN: Final = "_run.json"
_RECORDS: Final = "_shards"
_WORK: Final = "_work"


class Workplace:
    """One store in the making; `at_work` gives it, locked against other processes.

    Attributes
    ----------
    out
        The store's final name.
    folder
        Where it grows.
    redone
        Shards that were finished but are damaged, and why: they are made again.
    """

    def __init__(self, out: Path, header: RunHeader) -> None:
        self.out = out
        self.folder = unfinished(out)
        self.redone: dict[int, str] = {}
        self._run_hash = header.hash
        self._records: dict[int, ShardRecord] = {}

    @property
    def work(self) -> Path:
        """Where files are made before they count."""
        return self.folder / _WORK

    @property
    def records(self) -> dict[int, ShardRecord]:
        """Records of all finished shards, by number."""
        return dict(sorted(self._records.items()))

    @property
    def done(self) -> Set[int]:
        """Numbers of all finished shards."""
        return self._records.keys()

    def begin(self, header: RunHeader) -> None:
        """Make the folder."""
        with named_errors(self.folder):
            for name in ("", _RECORDS, _WORK, LEDGER):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
        _write_json(self.folder / _RUN, header.content)

    def go_on(self, header: RunHeader) -> None:
        """Take up what was begun: check that it is the same run, and every finished shard.

        Raises
        ------
        EmbeddingError
            If it was begun with another model or other settings.
        """
        header.refuse_other(RunHeader(_read_json(self.folder / _RUN)), str(self.folder))
        shutil.rmtree(self.work, ignore_errors=True)
        with named_errors(self.folder):
            self.work.mkdir(exist_ok=True)
        for path in sorted((self.folder / _RECORDS).glob("*.json")):
            self._take(path)

    def commit(self, record: ShardRecord) -> None:
        """Move a shard's files from `work` to their places, then write its record."""
        with named_errors(self.folder):
            for name in record.files:
                (self.work / Path(name).name).replace(self.folder / name)
        for folder in (self.folder, self.folder / LEDGER):
            synced(folder)
        _write_json(self._record_path(record.number), record.to_json())
        synced(self.folder / _RECORDS)
        self._records[record.number] = record

    def leave(self) -> None:
        """Go without finishing; nothing remains if no shard was finished."""
        shutil.rmtree(self.work, ignore_errors=True)
        if not self._records:
            shutil.rmtree(self.folder, ignore_errors=True)

    def forget(self) -> None:
        """Drop all finished shards: nothing is to remain of this run."""
        self._records.clear()

    def publish(self) -> None:
        """Give the folder its final name; its manifest must be written."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.rmtree(self.folder / _RECORDS)
        (self.folder / _RUN).unlink()
        with named_errors(self.out):
            if self.out.exists():
                shutil.rmtree(self.out)
            self.folder.replace(self.out)
        synced(self.out.parent)

    def reopen(self, header: RunHeader) -> None:
        """Turn a finished store back into one in the making, to check it and to mend it."""
        manifest = read_manifest(self.folder, STORE)
        for entry in manifest.header["shards"]:
            files = {
                name: {"size": e.size, "sha256": e.sha256}
                for name, e in manifest.files.items()
                if name in entry["files"]
            }
            record = ShardRecord.from_json({**entry, "files": files}, str(self.folder))
            (self.folder / _RECORDS).mkdir(exist_ok=True)
            _write_json(self._record_path(record.number), record.to_json())
        begun = {key: manifest.header[key] for key in header.content}
        _write_json(self.folder / _RUN, begun)
        (self.folder / STORE.file_name).unlink()

    def _take(self, path: Path) -> None:
        try:
            record = ShardRecord.from_json(_read_json(path), str(path))
            trouble = self._trouble(record)
        except MultiprotError as error:
            record, trouble = None, str(error)
        if trouble is None and record is not None:
            self._records[record.number] = record
            return
        path.unlink()
        self.redone[int(path.stem)] = str(trouble)

    def _trouble(self, record: ShardRecord) -> str | None:
        """What is wrong with a finished shard's files."""
        if record.run_hash != self._run_hash:
            return "made with other settings"
        for name, entry in record.files.items():
            path = self.folder / name
            if not path.is_file():
                return f"{path}: missing"
            if path.stat().st_size != entry.size or sha256(path) != entry.sha256:
                return f"{path}: altered since it was written"
        return None

    def _record_path(self, number: int) -> Path:
        return self.folder / _RECORDS / f"{number:05d}.json"


def unfinished(out: Path) -> Path:
    """Where a store called `out` grows."""
    return out.with_name(f"{out.name}.unfinished")


@contextmanager
def at_work(
    out: Path, header: RunHeader, *, resume: bool = False, overwrite: bool = False
) -> Iterator[Workplace]:
    """The locked workplace of a new store, or of one that was begun.

    Parameters
    ----------
    out
        The store's final name.
    header
        Model and settings.
    resume
        Go on with what was begun; a finished store is checked.
    overwrite
        Begin anew whatever lies there; what lies at `out` stays until the new store is whole.

    Raises
    ------
    OutputExistsError
        If something lies at `out`, or was begun there, and neither `resume` nor `overwrite` is
        asked for.
    EmbeddingError
        If another process is at work there, or what was begun is another run.
    """
    place = Workplace(out, header)
    with _locked(out):
        if resume:
            _take_up(place, header)
        else:
            refuse_existing(out, overwrite=overwrite)
            _begin_anew(place, header, overwrite=overwrite)
        try:
            yield place
        except BaseException:
            with suppress(OSError):
                place.leave()
            raise


def _take_up(place: Workplace, header: RunHeader) -> None:
    whole = place.folder if (place.folder / STORE.file_name).exists() else None
    if whole is None and not place.folder.exists() and place.out.exists():
        read_manifest(place.out, STORE)
        with named_errors(place.out):
            place.out.replace(place.folder)
        whole = place.folder
    if whole is not None:
        place.reopen(header)
    if (place.folder / _RUN).exists():
        place.begin(RunHeader(_read_json(place.folder / _RUN)))
        place.go_on(header)
    else:
        place.begin(header)


def _begin_anew(place: Workplace, header: RunHeader, *, overwrite: bool) -> None:
    if place.folder.exists():
        if not overwrite:
            raise OutputExistsError(
                f"{place.folder}: holds a store that was begun; go on with --resume, or begin anew "
                "with --overwrite"
            )
        shutil.rmtree(place.folder)
    place.begin(header)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Keep other processes from the same store; a killed process holds no lock."""
    path = out.with_name(f"{out.name}.lock")
    with named_errors(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise EmbeddingError(
                f"{out}: another process is writing this store (it holds {path.name}); wait for "
                "it, or choose another output"
            ) from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _write_json(path: Path, content: Any) -> None:
    with atomic_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise EmbeddingError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(content, dict):
        raise EmbeddingError(f"{path}: a JSON object is needed")
    return content
