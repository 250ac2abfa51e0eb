"""A store's last two files: the index of its ids, and the manifest that makes it whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from multiprot.bundle.manifest import FileEntry, write_manifest
from multiprot.embedding.id_index import write_id_index
from multiprot.embedding.ledger.records import ShardRecord
from multiprot.embedding.store_format import IDS, ROWS, STORE, shard_name
from multiprot.files import synced


def complete(
    folder: Path, header: Mapping[str, Any], records: Mapping[int, ShardRecord]
) -> dict[str, Any]:
    """Write index and manifest of a store whose shards are all there.

    Returns
    -------
    dict
        What the manifest says beside its files.
    """
    shards = [folder / shard_name(number) for number in records]
    sizes = np.array([record.proteins for record in records.values()], dtype=np.int64)
    write_id_index(
        folder,
        (pq.read_table(path, columns=["id"])["id"].to_pylist() for path in shards),
        int(sizes.sum()),
    )
    content = {**header, **_counts(records), "shards": [_entry(r) for r in records.values()]}
    known: dict[str, FileEntry] = {}
    for record in records.values():
        known |= record.files
    write_manifest(folder, STORE, content, [IDS, ROWS], known)
    for name in (IDS, ROWS, STORE.file_name, "."):
        synced(folder / name)
    return content


def _counts(records: Mapping[int, ShardRecord]) -> dict[str, Any]:
    statuses: Counter[str] = Counter()
    modalities: Counter[str] = Counter()
    for record in records.values():
        statuses.update(record.statuses)
        modalities.update(record.modalities)
    return {
        "inputs": sum(record.inputs for record in records.values()),
        "proteins": sum(record.proteins for record in records.values()),
        "residues_in_all": sum(record.residues for record in records.values()),
        "windowed": statuses["windowed"],
        "duplicates": statuses["duplicate"],
        "refused": statuses["refused"],
        "modalities": dict(sorted(modalities.items())),
    }


def _entry(record: ShardRecord) -> dict[str, Any]:
    return {**record.to_json(), "files": sorted(record.files)}
