"""Writing an embedding store, shard by shard; it exists only once it is whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from multiprot.bundle.manifest import write_manifest
from multiprot.embedding.embeddings import Embeddings, Failure
from multiprot.embedding.store_format import STORE, shard_name, store_schema, to_table
from multiprot.errors import EmbeddingError
from multiprot.files import atomic_folder


@dataclass(frozen=True, slots=True)
class ShardLimits:
    """When a shard is full.

    Attributes
    ----------
    proteins
        Rows in a shard, exceeded by less than one chunk.
    numbers
        Float32 numbers in a shard, exceeded by less than one chunk.
    """

    proteins: int = 65_536
    numbers: int = 128 * 1024**2


@dataclass(slots=True)
class StoreWriter:
    """Takes embeddings in order; `create_store` makes one.

    Attributes
    ----------
    folder
        Where the shards go.
    width
        Channels of a vector.
    residues
        Whether each row also has its residue matrix.
    proteins, windowed, modalities
        Counts of what was written: rows, rows of several windows, rows per set of modalities.
    """

    folder: Path
    width: int
    residues: bool
    limits: ShardLimits = field(default_factory=ShardLimits)
    proteins: int = 0
    windowed: int = 0
    modalities: Counter[str] = field(default_factory=Counter)
    _shards: list[str] = field(default_factory=list)
    _writer: Any = None
    _in_shard: tuple[int, int] = (0, 0)

    def write(self, embeddings: Embeddings) -> None:
        """Append rows; they become a row group of the current shard."""
        if self.residues != (embeddings.residues is not None):
            raise EmbeddingError(
                f"{self.folder}: the store is made {'with' if self.residues else 'without'} "
                "residues, the embeddings are not"
            )
        if not len(embeddings):
            return
        if self._writer is None:
            self._open_shard()
        table = to_table(embeddings, store_schema(self.width, residues=self.residues))
        self._writer.write_table(table, row_group_size=len(embeddings))
        self._count(embeddings)
        rows, numbers = self._in_shard
        if rows >= self.limits.proteins or numbers >= self.limits.numbers:
            self._close_shard()

    def finish(self, header: Mapping[str, Any], failures: Sequence[Failure]) -> None:
        """Close the last shard and write the manifest.

        Raises
        ------
        EmbeddingError
            If not a single protein was written.
        """
        self._close_shard()
        if not self.proteins:
            raise EmbeddingError(
                f"no protein was embedded ({len(failures)} failed"
                + (f", the first: {failures[0].reason}" if failures else "")
                + "); nothing is written"
            )
        counts = {
            "proteins": self.proteins,
            "windowed": self.windowed,
            "modalities": dict(sorted(self.modalities.items())),
            "width": self.width,
            "residues": self.residues,
            "shards": self._shards,
            "failures": [asdict(failure) for failure in failures],
        }
        write_manifest(self.folder, STORE, {**header, **counts}, self._shards)

    def _open_shard(self) -> None:
        self._shards.append(shard_name(len(self._shards)))
        # Float columns do not repeat values; a dictionary would only cost time.
        self._writer = pq.ParquetWriter(
            self.folder / self._shards[-1],
            store_schema(self.width, residues=self.residues),
            compression="zstd",
            use_dictionary=["modalities.list.element"],
        )
        self._in_shard = (0, 0)

    def _close_shard(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _count(self, embeddings: Embeddings) -> None:
        rows, numbers = self._in_shard
        vectors = len(embeddings) + (int(embeddings.lengths.sum()) if self.residues else 0)
        self._in_shard = (rows + len(embeddings), numbers + vectors * self.width)
        self.proteins += len(embeddings)
        self.windowed += int((embeddings.windows > 1).sum())
        self.modalities.update("+".join(names) for names in embeddings.modalities)


@contextmanager
def create_store(
    path: Path,
    *,
    width: int,
    residues: bool = False,
    overwrite: bool = False,
    limits: ShardLimits | None = None,
) -> Iterator[StoreWriter]:
    """A writer whose store takes the name `path` at the end, if `StoreWriter.finish` was called.

    Raises
    ------
    OutputExistsError
        If `path` holds anything, unless `overwrite`.
    EmbeddingError
        If the block ends without `finish`.
    """
    with atomic_folder(path, overwrite=overwrite) as folder:
        writer = StoreWriter(folder, width, residues, limits or ShardLimits())
        try:
            yield writer
        finally:
            writer._close_shard()
        if not (folder / STORE.file_name).is_file():
            raise EmbeddingError(f"{path}: the store was not finished; call StoreWriter.finish")
