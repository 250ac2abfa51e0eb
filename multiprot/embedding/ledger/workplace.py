"""The folder in which a store grows: `OUT.unfinished`, which becomes `OUT` when all is there.

::

    OUT.unfinished/
      _run.json               model and settings
      _shards/00000.json      completion records, each written after its shard's files
      _ledger/00000.parquet
      vectors-00000.parquet
      _work/                  what is being made; nothing in it counts

A store that is replaced is `OUT.replaced` for as long as it takes to remove it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from multiprot.bundle.manifest import FileEntry, FolderManifest, read_manifest
from multiprot.embedding.ledger.header import RunHeader
from multiprot.embedding.ledger.json_files import read_json, write_json
from multiprot.embedding.ledger.lock import locked
from multiprot.embedding.ledger.records import ShardRecord
from multiprot.embedding.store_format import IDS, LEDGER, ROWS, STORE
from multiprot.errors import MultiprotError, OutputExistsError
from multiprot.files import named_errors, refuse_existing, sha256, synced

_RUN: Final = "_run.json"
_RECORDS: Final = "_shards"
_WORK: Final = "_work"

_MADE_HERE: Final = (
    ".*",
    f"{_RECORDS}/.*",
    "vectors-*.parquet",
    f"{LEDGER}/*.parquet",
    IDS,
    ROWS,
    STORE.file_name,
)
"""Patterns of files that a killed process may have left half-way."""


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
    whole
        What the manifest of a store says that was finished before, and is sound; else None.
    """

    def __init__(self, out: Path, header: RunHeader) -> None:
        self.out = out
        self.folder = unfinished(out)
        self.redone: dict[int, str] = {}
        self.whole: Mapping[str, Any] | None = None
        self._run_hash = header.hash
        self._records: dict[int, ShardRecord] = {}

    @property
    def work(self) -> Path:
        """Where files are made before they count."""
        return self.folder / _WORK

    def made(self, name: str) -> Path:
        """Where a shard's file lies until it is committed."""
        return self.work / Path(name).name

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
        write_json(self.folder / _RUN, header.content)

    def go_on(self, header: RunHeader) -> None:
        """Take up what was begun: check that it is the same run, and every finished shard.

        Raises
        ------
        EmbeddingError
            If it was begun with another model or other settings.
        """
        header.refuse_other(RunHeader(read_json(self.folder / _RUN)), str(self.folder))
        shutil.rmtree(self.work, ignore_errors=True)
        with named_errors(self.folder):
            self.work.mkdir(exist_ok=True)
        for path in sorted((self.folder / _RECORDS).glob("*.json")):
            self._take(path)
        self._tidy()

    def commit(self, record: ShardRecord) -> None:
        """Move a shard's files from `work` to their places, then write its record."""
        with named_errors(self.folder):
            for name in record.files:
                self.made(name).replace(self.folder / name)
        for folder in (self.folder, self.folder / LEDGER):
            synced(folder)
        write_json(self._record_path(record.number), record.to_json())
        synced(self.folder / _RECORDS)
        self._records[record.number] = record

    def leave(self) -> None:
        """Go without finishing; nothing remains if no finished shard has a row."""
        shutil.rmtree(self.work, ignore_errors=True)
        if self.whole is not None or not any(r.proteins for r in self._records.values()):
            shutil.rmtree(self.folder, ignore_errors=True)

    def publish(self) -> None:
        """Give the folder its final name; its manifest must be written."""
        replaced = self.out.with_name(f"{self.out.name}.replaced")
        if self.whole is not None:
            self.leave()
        else:
            shutil.rmtree(self.work, ignore_errors=True)
            shutil.rmtree(self.folder / _RECORDS)
            (self.folder / _RUN).unlink()
            with named_errors(self.out):
                if self.out.exists():
                    shutil.rmtree(replaced, ignore_errors=True)
                    self.out.replace(replaced)
                self.folder.replace(self.out)
            synced(self.out.parent)
        shutil.rmtree(replaced, ignore_errors=True)

    def check_whole(self, header: RunHeader, home: Path) -> None:
        """Take up a finished store: left as it is unless one of its files is damaged.

        Parameters
        ----------
        header
            Model and settings.
        home
            Where it lies: at its final name, or still in the folder in which it grew.

        Raises
        ------
        EmbeddingError
            If it was made with another model or other settings.
        """
        manifest = read_manifest(home, STORE)
        begun = RunHeader({key: manifest.header.get(key) for key in header.content})
        header.refuse_other(begun, str(home))
        records = [_record_of(entry, manifest) for entry in manifest.header["shards"]]
        index = {name: manifest.files[name] for name in (IDS, ROWS) if name in manifest.files}
        troubles = [_damage(home, index), *(self._trouble(record, home) for record in records)]
        if home == self.out and not any(troubles):
            self.whole = manifest.header
            self._records = {record.number: record for record in records}
            self.work.mkdir(parents=True, exist_ok=True)
            return
        if home == self.out:
            with named_errors(self.out):
                self.out.replace(self.folder)
        self.begin(begun)
        for record in records:
            write_json(self._record_path(record.number), record.to_json())
        (self.folder / STORE.file_name).unlink()

    def _tidy(self) -> None:
        """Remove what no record lists, so that it does not become part of the store."""
        kept = {self.folder / name for record in self._records.values() for name in record.files}
        for pattern in _MADE_HERE:
            for path in set(self.folder.glob(pattern)) - kept:
                path.unlink()

    def _take(self, path: Path) -> None:
        try:
            record = ShardRecord.from_json(read_json(path), str(path))
            trouble = self._trouble(record, self.folder)
        except MultiprotError as error:
            record, trouble = None, str(error)
        if trouble is None and record is not None:
            self._records[record.number] = record
            return
        path.unlink()
        self.redone[int(path.stem)] = str(trouble)

    def _trouble(self, record: ShardRecord, folder: Path) -> str | None:
        """What is wrong with a finished shard's files in `folder`."""
        if record.run_hash != self._run_hash:
            return "made with other settings"
        return _damage(folder, record.files)

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
    with locked(out):
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
    begun = (place.folder / _RUN).exists()
    if not begun and (place.folder / STORE.file_name).exists():
        place.check_whole(header, place.folder)  # ended just before the store got its name
    elif not begun and place.out.exists():
        place.check_whole(header, place.out)
    if place.whole is None:
        if not (place.folder / _RUN).exists():
            place.begin(header)
        place.go_on(header)


def _begin_anew(place: Workplace, header: RunHeader, *, overwrite: bool) -> None:
    if place.folder.exists():
        if not overwrite:
            raise OutputExistsError(
                f"{place.folder}: holds a store that was begun; go on with --resume, or begin anew "
                "with --overwrite"
            )
        shutil.rmtree(place.folder)
    place.begin(header)


def _damage(folder: Path, files: Mapping[str, FileEntry]) -> str | None:
    """What is wrong with the first of `files` that is not as it was written."""
    for name, entry in files.items():
        path = folder / name
        if not path.is_file():
            return f"{path}: missing"
        if path.stat().st_size != entry.size or sha256(path) != entry.sha256:
            return f"{path}: altered since it was written"
    return None


def _record_of(entry: Mapping[str, Any], manifest: FolderManifest) -> ShardRecord:
    """A shard's completion record as the manifest keeps it."""
    files = {
        name: {"size": manifest.files[name].size, "sha256": manifest.files[name].sha256}
        for name in entry["files"]
    }
    return ShardRecord.from_json({**entry, "files": files}, str(manifest.folder))
