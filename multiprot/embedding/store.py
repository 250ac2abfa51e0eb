"""Reading an embedding store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from multiprot.bundle.manifest import FolderManifest, read_manifest
from multiprot.embedding.embeddings import EmbeddedProtein, Embeddings, Failure
from multiprot.embedding.store_format import STORE, from_table, vector_matrix
from multiprot.errors import EmbeddingError


class EmbeddingStore:
    """Vectors on disk, in the order of the input; open one with `EmbeddingStore.open`.

    A shard is compared with its hash before the first byte of it is used.
    """

    def __init__(self, manifest: FolderManifest, *, verify: bool) -> None:
        self._manifest = manifest
        self._verify = verify
        self._checked: dict[str, Path] = {}

    @classmethod
    def open(cls, path: Path | str, *, verify: bool = True) -> EmbeddingStore:
        """The store in folder `path`.

        Parameters
        ----------
        path
            A folder that `multiprot embed` wrote.
        verify
            Compare each shard's SHA-256 before it is first read. Without, only sizes are compared.

        Raises
        ------
        EmbeddingError
            If the folder is not a whole store, or a shard is missing or cut short.
        """
        manifest = read_manifest(Path(path), STORE)
        for name in manifest.files:
            manifest.sized(name)
        return cls(manifest, verify=verify)

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What the writer recorded: model, options, space, pooling, counts, failures."""
        return self._manifest.header

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
        """Inputs that were left out, and why."""
        return tuple(Failure(**failure) for failure in self.manifest["failures"])

    @property
    def _shards(self) -> list[str]:
        return list(self.manifest["shards"])

    def __len__(self) -> int:
        return int(self.manifest["proteins"])

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids in the order of the input."""
        return tuple(self._columns("id").column("id").to_pylist())

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
                f"{self._manifest.folder}: has no residue matrices; embed again with --residues"
            )
        return protein.residues

    def chunks(self) -> Iterator[Embeddings]:
        """The rows in order, a few thousand at a time, so that memory stays bounded."""
        for name, group, _ in self._group_starts:
            yield from_table(self._file(name).read_row_group(group))

    def __iter__(self) -> Iterator[EmbeddedProtein]:
        for chunk in self.chunks():
            yield from chunk

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {protein_id: row for row, protein_id in enumerate(self.ids)}

    @cached_property
    def _group_starts(self) -> list[tuple[str, int, int]]:
        """Shard, row group in it, first row in the store."""
        starts, row = [], 0
        for name in self._shards:
            metadata = self._file(name).metadata
            for group in range(metadata.num_row_groups):
                starts.append((name, group, row))
                row += metadata.row_group(group).num_rows
        return starts

    def _read(self, protein_id: str, *, residues: bool) -> EmbeddedProtein:
        row = self._rows.get(protein_id)
        if row is None:
            raise EmbeddingError(
                f"{self._manifest.folder}: no protein {protein_id!r} among {len(self)}; ids are "
                "case-sensitive"
            )
        name, group, start = max(
            (entry for entry in self._group_starts if entry[2] <= row), key=lambda entry: entry[2]
        )
        columns = None if residues else ["id", "length", "vector", "modalities", "windows"]
        table = self._file(name).read_row_group(group, columns=columns)
        return next(iter(from_table(table.slice(row - start, 1))))

    def _columns(self, *names: str) -> Any:
        tables = [self._file(name).read(columns=list(names)) for name in self._shards]
        return pa.concat_tables(tables)

    def _file(self, name: str) -> Any:
        if name not in self._checked:
            check = self._manifest.verified if self._verify else self._manifest.sized
            self._checked[name] = check(name)
        try:
            return pq.ParquetFile(self._checked[name])
        except (pa.ArrowInvalid, OSError) as error:
            raise EmbeddingError(
                f"{self._checked[name]}: is not a Parquet file ({error}); embed again"
            ) from None
