"""Writing an embedding store from vectors that were made elsewhere; it is whole or absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from multiprot.embedding.embeddings import Embeddings
from multiprot.embedding.identity import combined_hash
from multiprot.embedding.ledger.assembly import LEDGER_SCHEMA
from multiprot.embedding.ledger.manifest import complete
from multiprot.embedding.ledger.records import ShardRecord
from multiprot.embedding.store_format import (
    LEDGER,
    ledger_name,
    shard_name,
    store_schema,
    to_table,
    write_parquet,
)
from multiprot.errors import EmbeddingError
from multiprot.files import atomic_folder


def write_store(
    path: Path,
    shards: Iterable[Embeddings],
    header: Mapping[str, Any],
    *,
    width: int,
    residues: bool = False,
    overwrite: bool = False,
) -> None:
    """A store of vectors as they are, one shard for each of `shards`.

    Parameters
    ----------
    path
        Folder to make.
    shards
        Rows in order; ids must be unique among all.
    header
        Plain values for the manifest: model, space, pooling, options.
    width
        Channels of a vector.
    residues
        Whether all rows have residue matrices.
    overwrite
        Replace what lies at `path`.

    Raises
    ------
    OutputExistsError
        If `path` holds anything, unless `overwrite`.
    EmbeddingError
        If there is no row, an id occurs twice, or some rows have residues and others have not.
    """
    records: dict[int, ShardRecord] = {}
    seen: set[str] = set()
    with atomic_folder(path, overwrite=overwrite) as folder:
        (folder / LEDGER).mkdir()
        first = 0
        for number, embeddings in enumerate(shards):
            _check(embeddings, seen, path, residues=residues)
            schema = store_schema(width, residues=residues)
            records[number] = _shard(folder, number, first, to_table(embeddings, schema))
            first += len(embeddings)
        if not first:
            raise EmbeddingError(f"{path}: not a single row; a store needs one")
        complete(folder, {**header, "width": width, "residues": residues}, records)


def _check(embeddings: Embeddings, seen: set[str], path: Path, *, residues: bool) -> None:
    if residues != (embeddings.residues is not None):
        raise EmbeddingError(
            f"{path}: the store is made {'with' if residues else 'without'} residues, the "
            "embeddings are not"
        )
    for protein_id in embeddings.ids:
        if protein_id in seen:
            raise EmbeddingError(f"{path}: id {protein_id!r} occurs twice; rename one of them")
        seen.add(protein_id)


def _shard(folder: Path, number: int, first: int, table: Any) -> ShardRecord:
    windows = table["windows"].to_pylist()
    statuses = ["windowed" if count > 1 else "written" for count in windows]
    count = len(table)
    columns = {
        "input": list(range(first, first + count)),
        "id": table["id"].to_pylist(),
        "source": [""] * count,
        "status": statuses,
        "length": table["length"].to_pylist(),
        "windows": windows,
        "duplicate_of": [None] * count,
        "reason": [None] * count,
    }
    ledger = pa.Table.from_pydict(columns, schema=LEDGER_SCHEMA)
    names = {shard_name(number): table, ledger_name(number): ledger}
    modalities = ["+".join(names) for names in table["modalities"].to_pylist()]
    return ShardRecord(
        number=number,
        input_hash=combined_hash(protein_id.encode() for protein_id in columns["id"]),
        run_hash="",
        first_input=first,
        inputs=count,
        proteins=count,
        residues=sum(columns["length"]),
        statuses={name: statuses.count(name) for name in sorted(set(statuses))},
        modalities={name: modalities.count(name) for name in sorted(set(modalities))},
        files={name: write_parquet(content, folder / name) for name, content in names.items()},
    )
