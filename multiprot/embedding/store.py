"""Reading an embedding store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from multiprot.bundle.manifest import FolderManifest, read_manifest
from multiprot.embedding.embeddings import EmbeddedProtein, Embeddings, Failure
from multiprot.embedding.id_index import IdIndex
from multiprot.embedding.identity import combined_hash
from multiprot.embedding.open_files import OpenFiles
from multiprot.embedding.store_format import (
    IDS,
    ROWS,
    STORE,
    from_table,
    ledger_name,
    shard_name,
    vector_matrix,
)
from multiprot.errors import EmbeddingError

_WITHOUT_RESIDUES = ("id", "sequence_hash", "length", "vector", "modalities", "windows")


class EmbeddingStore:
    """Vectors on disk, in the order of the input; open one with `EmbeddingStore.open`.

    A shard is compared with its hash before the first byte of it is used.
    """

    def __init__(self, manifest: FolderManifest, *, verify: bool) -> None:
        self._manifest = manifest
        self._verify = verify
        self._checked: dict[str, Path] = {}
        self._files = OpenFiles()

    @classmethod
    def open(cls, path: Path | str, *, verify: bool = True) -> EmbeddingStore:
        """The store in folder `path`.

        Parameters
        ----------
        path
            A folder that `multiprot embed` wrote.
        verify
            Compare each file's SHA-256 before it is first read. Without, only sizes are compared.

        Raises
        ------
        EmbeddingError
            If the folder is not a whole store, or a file is missing or cut short.
        """
        manifest = read_manifest(Path(path), STORE)
        if IDS not in manifest.files:
            raise EmbeddingError(
                f"{path}: written by a multiprot before its stores had a ledger; embed again"
            )
        for name in manifest.files:
            manifest.sized(name)
        return cls(manifest, verify=verify)

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._manifest.folder

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What the writer recorded: model, options, space, pooling, counts, shards."""
        return self._manifest.header

    @property
    def content_hash(self) -> str:
        """SHA-256, in hex, over the hashes of all files."""
        files = sorted((name, entry.sha256) for name, entry in self._manifest.files.items())
        return combined_hash(part.encode() for pair in files for part in pair)

    @property
    def width(self) -> int:
        """Channels of a vector."""
        return int(self.manifest["width"])

    @property
    def has_residues(self) -> bool:
        """Whether residue matrices were stored."""
        return bool(self.manifest["residues"])

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Inputs that were refused, and why."""
        return tuple(self._failures())

    def first_failure(self) -> Failure | None:
        """The first input that was refused, or None."""
        return next(self._failures(), None)

    def _failures(self) -> Iterator[Failure]:
        for shard in self.manifest["shards"]:
            if shard["statuses"].get("refused"):
                yield from self.refusals_of(self._path(ledger_name(shard["number"])))

    @staticmethod
    def refusals_of(ledger: Path) -> list[Failure]:
        """Refused inputs in a shard's part of the ledger; the store need not be whole yet."""
        table = pq.read_table(ledger, filters=[("status", "=", "refused")])
        columns = (table[name].to_pylist() for name in ("id", "reason"))
        return [Failure(*row) for row in zip(*columns, strict=True)]

    def ledger(self) -> Iterator[Any]:
        """Arrow tables with a row for every input, in order, one table per shard.

        Columns: input, id, source, status ("written", "windowed", "duplicate", "refused"), length,
        windows, duplicate_of, reason.
        """
        for shard in self.manifest["shards"]:
            yield pq.read_table(self._path(ledger_name(shard["number"])))

    def __len__(self) -> int:
        return int(self.manifest["proteins"])

    def __contains__(self, protein_id: object) -> bool:
        return isinstance(protein_id, str) and self._find(protein_id) is not None

    def __getitem__(self, protein_id: str) -> EmbeddedProtein:
        """One protein, with its residues if they are stored; reads no more than its row group."""
        return self._read(protein_id, residues=True)

    def at(self, row: int, *, residues: bool = True) -> EmbeddedProtein:
        """The protein of one row, counted from 0 in the order of `ids`; reads its row group.

        Parameters
        ----------
        row
            Which.
        residues
            Whether to read its residue matrix, where there is one.

        Raises
        ------
        EmbeddingError
            If there is no such row.
        """
        if not 0 <= row < len(self):
            raise EmbeddingError(f"{self.folder}: no row {row} among {len(self)}")
        file, group, place = self._place(row)
        columns = None if residues else list(_WITHOUT_RESIDUES)
        table = file.read_row_group(group, columns=columns)
        return next(iter(from_table(table.slice(place, 1))))

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids in the order of the input, all in memory."""
        return tuple(self._columns("id").column("id").to_pylist())

    @cached_property
    def sequence_hashes(self) -> tuple[str, ...]:
        """Refget digests of the sequences in the order of the input, all in memory."""
        return tuple(self._columns("sequence_hash").column("sequence_hash").to_pylist())

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """int64 [protein]: residues."""
        column = self._columns("length").column("length")
        return np.asarray(column.to_numpy(), dtype=np.int64)

    def vectors(self) -> NDArray[np.float32]:
        """All vectors, float32 [protein, width], in the order of `ids`."""
        return vector_matrix(self._columns("vector"))

    def vector(self, protein_id: str) -> NDArray[np.float32]:
        """One protein's vector, float32 [width]."""
        return self._read(protein_id, residues=False).vector

    def residues(self, protein_id: str) -> NDArray[np.float32]:
        """One protein's residue tokens, float32 [residue, width].

        Raises
        ------
        EmbeddingError
            If the store has no residues, or no such protein.
        """
        protein = self._read(protein_id, residues=True)
        if protein.residues is None:
            raise EmbeddingError(
                f"{self.folder}: has no residue matrices; embed again with --residues"
            )
        return protein.residues

    def chunks(self, *, residues: bool = True) -> Iterator[Embeddings]:
        """The rows in order, a few thousand at most at a time, so that memory stays bounded.

        Parameters
        ----------
        residues
            Whether to read the residue matrices, where there are any.
        """
        for name in self._shards:
            file = self._file(name)
            for group in range(file.metadata.num_row_groups):
                columns = None if residues else list(_WITHOUT_RESIDUES)
                yield from_table(file.read_row_group(group, columns=columns))

    def __iter__(self) -> Iterator[EmbeddedProtein]:
        for chunk in self.chunks():
            yield from chunk

    @property
    def _shards(self) -> list[str]:
        return [shard_name(shard["number"]) for shard in self.manifest["shards"]]

    @cached_property
    def _index(self) -> IdIndex:
        return IdIndex(self._path(IDS), self._path(ROWS))

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """int64 [shard + 1]: first row of each shard."""
        sizes = [shard["proteins"] for shard in self.manifest["shards"]]
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    def _place(self, row: int) -> tuple[Any, int, int]:
        """The Parquet file, row group and row in it of a row of the store."""
        shard = int(np.searchsorted(self._starts, row, side="right")) - 1
        file = self._file(self._shards[shard])
        return file, *_group_of(file, row - int(self._starts[shard]))

    def _find(self, protein_id: str) -> int | None:
        """Row of a protein, or None."""
        for row in self._index.candidates(protein_id):
            file, group, place = self._place(row)
            if file.read_row_group(group, columns=["id"])["id"][place].as_py() == protein_id:
                return row
        return None

    def _read(self, protein_id: str, *, residues: bool) -> EmbeddedProtein:
        row = self._find(protein_id)
        if row is None:
            raise EmbeddingError(
                f"{self.folder}: no protein {protein_id!r} among {len(self)}"
                f"{self._told(protein_id)}"
            )
        return self.at(row, residues=residues)

    def _told(self, protein_id: str) -> str:
        """What the ledger knows of a protein without a row."""
        for table in self.ledger():
            of_it = table.filter(pc.equal(table["id"], protein_id))
            if len(of_it):
                return f": it was refused, {of_it['reason'][0].as_py()}"
        return "; ids are case-sensitive"

    def _columns(self, *names: str) -> Any:
        return pa.concat_tables(
            [self._file(name).read(columns=list(names)) for name in self._shards]
        )

    def _path(self, name: str) -> Path:
        if name not in self._checked:
            check = self._manifest.verified if self._verify else self._manifest.sized
            self._checked[name] = check(name)
        return self._checked[name]

    def _file(self, name: str) -> Any:
        return self._files[self._path(name)]


def _group_of(file: Any, row: int) -> tuple[int, int]:
    """Row group that holds a file's row, and the row's place in it."""
    for group in range(file.metadata.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if row < rows:
            return group, row
        row -= rows
    raise EmbeddingError(f"row {row} is beyond the file's last row group")
