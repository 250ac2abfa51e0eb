"""The embedding store's files: Parquet shards and a manifest, written last.

::

    _manifest.json           model, options, counts, shards, size and SHA-256 of every file
    vectors-00000.parquet    one row per protein, in the input's order
    vectors-00001.parquet    …
    _ledger/00000.parquet    one row per input of that shard: written, windowed, duplicate, refused
    _ids.npy, _rows.npy      hashes of all ids, ascending, and their rows: to find a row by its id

Columns: `id` (string), `sequence_hash` (refget digest, string), `length` (residues, int32),
`vector` (list of float32, fixed size), `modalities` (list of "sequence" and "structure"), `windows`
(int32), and, where asked for, `residues` (list of lists of float32, one per residue; NaN where a
residue has no token). Parquet readers leave out names that begin with `_`, so that pandas and
pyarrow take the folder for one table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from multiprot.bundle.manifest import FileEntry, ManifestKind
from multiprot.embedding.embeddings import Embeddings
from multiprot.errors import EmbeddingError
from multiprot.files import sha256, synced

STORE: Final = ManifestKind(
    "_manifest.json", "multiprot-embeddings", 2, "embedding store", EmbeddingError
)

LEDGER: Final = "_ledger"
IDS: Final = "_ids.npy"
ROWS: Final = "_rows.npy"

_GROUP_ROWS: Final = 4096
_GROUP_BYTES: Final = 1024**2
"""A row group is what is read to find one protein: of 192 channels, some three proteins with all
their residues. At eight times as much, finding one takes four times as long."""

_DISTINCT: Final = ("id", "sequence_hash")
"""Columns that hardly repeat a value."""


def shard_name(number: int) -> str:
    """File name of a shard, counted from 0."""
    return f"vectors-{number:05d}.parquet"


def ledger_name(number: int) -> str:
    """Name of a shard's part of the ledger."""
    return f"{LEDGER}/{number:05d}.parquet"


def write_parquet(table: Any, path: Path) -> FileEntry:
    """Write a shard or a part of the ledger, down to the disk; equal tables give equal bytes.

    Numbers are stored as they are: they hardly shrink, and packing takes longer than writing.
    """
    rows = _GROUP_ROWS
    if len(table):
        rows = max(1, min(_GROUP_ROWS, _GROUP_BYTES * len(table) // max(1, table.nbytes)))
    leaves = _leaves(table.schema)
    texts = [name for name, kind in leaves if "float" not in kind]
    pq.write_table(
        table,
        path,
        row_group_size=rows,
        compression={name: "zstd" if name in texts else "none" for name, _ in leaves},
        use_dictionary=[name for name in texts if name not in _DISTINCT],
        write_statistics=texts,
    )
    synced(path)
    return FileEntry(path.stat().st_size, sha256(path))


def _leaves(schema: Any) -> list[tuple[str, str]]:
    """Path and type of each column as Parquet counts them."""
    found = []
    for field in schema:
        path, kind = field.name, field.type
        while pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
            path, kind = f"{path}.list.element", kind.value_type
        found.append((path, str(kind)))
    return found


def store_schema(width: int, *, residues: bool) -> Any:
    """Arrow schema of a shard."""
    fields = [
        pa.field("id", pa.string(), nullable=False),
        pa.field("sequence_hash", pa.string(), nullable=False),
        pa.field("length", pa.int32(), nullable=False),
        pa.field("vector", _vectors_of(width), nullable=False),
        pa.field("modalities", pa.list_(pa.string()), nullable=False),
        pa.field("windows", pa.int32(), nullable=False),
    ]
    if residues:
        fields.append(pa.field("residues", pa.list_(_vectors_of(width)), nullable=False))
    return pa.schema(fields)


def to_table(embeddings: Embeddings, schema: Any) -> Any:
    """Arrow table of `embeddings`."""
    vectors = schema.field("vector").type
    columns = [
        pa.array(embeddings.ids, pa.string()),
        pa.array(embeddings.sequence_hashes, pa.string()),
        pa.array(embeddings.lengths, pa.int32()),
        _fixed_size(embeddings.vectors, vectors),
        pa.array([list(names) for names in embeddings.modalities], pa.list_(pa.string())),
        pa.array(embeddings.windows, pa.int32()),
    ]
    if embeddings.residues is not None:
        offsets = np.concatenate([[0], np.cumsum([len(r) for r in embeddings.residues])])
        empty = np.zeros((0, vectors.list_size), dtype=np.float32)
        flat = np.concatenate([empty, *embeddings.residues])
        columns.append(
            pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), _fixed_size(flat, vectors))
        )
    return pa.Table.from_arrays(columns, schema=schema)


def from_table(table: Any) -> Embeddings:
    """The embeddings that an Arrow table holds."""
    width = table.schema.field("vector").type.list_size
    residues = None
    if "residues" in table.schema.names:
        column = table.column("residues").combine_chunks()
        lengths = column.value_lengths().to_numpy()
        flat = _matrix(column.flatten(), width)
        residues = np.split(flat, np.cumsum(lengths)[:-1]) if len(table) else []
    return Embeddings(
        ids=tuple(table.column("id").to_pylist()),
        lengths=table.column("length").to_numpy().astype(np.int64),
        vectors=vector_matrix(table),
        modalities=tuple(tuple(names) for names in table.column("modalities").to_pylist()),
        windows=table.column("windows").to_numpy(),
        residues=residues,
        sequence_hashes=tuple(table.column("sequence_hash").to_pylist()),
    )


def vector_matrix(table: Any) -> NDArray[np.float32]:
    """float32 [protein, width] of the column `vector`."""
    column = table.column("vector").combine_chunks()
    return _matrix(column, column.type.list_size)


def _matrix(column: Any, width: int) -> NDArray[np.float32]:
    values: NDArray[np.float32] = column.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(-1, width)


def _vectors_of(width: int) -> Any:
    return pa.list_(pa.float32(), width)


def _fixed_size(rows: NDArray[np.float32], kind: Any) -> Any:
    values = pa.array(np.ascontiguousarray(rows, dtype=np.float32).reshape(-1), pa.float32())
    return pa.FixedSizeListArray.from_arrays(values, type=kind)
