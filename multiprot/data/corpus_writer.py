"""Writing a corpus record by record; memory holds one row group and some 100 bytes per record."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from multiprot.data.corpus_format import (
    FORMAT,
    FORMAT_VERSION,
    INDEX,
    INDEX_SCHEMA,
    MANIFEST,
    ONTOLOGY,
    SHARD_SCHEMA,
    SHARDS,
    SPLITS,
    record_to_row,
    row_digest,
)
from multiprot.errors import DataError
from multiprot.files import sha256
from multiprot.ontology import GeneOntology
from multiprot.proteins import ProteinRecord

ROWS_PER_GROUP: Final = 32
"""Records read together at random access: small, since a batch takes records from everywhere."""

ROWS_PER_SHARD: Final = 4096

_INDEX_ROWS_AT_A_TIME: Final = 8192


def file_entry(folder: Path, name: str, **more: Any) -> dict[str, Any]:
    """What a manifest says of one file: relative name, size in bytes, SHA-256."""
    path = folder / name
    return {"file": name, "bytes": path.stat().st_size, "sha256": sha256(path), **more}


class CorpusWriter:
    """Writes the files of a corpus into a folder that exists; use within `atomic_folder`.

    Parameters
    ----------
    folder
        Where to write.
    rows_per_shard, rows_per_group
        Records in a file and in what is read together.
    """

    def __init__(
        self,
        folder: Path,
        *,
        rows_per_shard: int = ROWS_PER_SHARD,
        rows_per_group: int = ROWS_PER_GROUP,
    ) -> None:
        self._folder = folder
        self._rows_per_shard = rows_per_shard
        self._rows_per_group = rows_per_group
        self._writer: pq.ParquetWriter | None = None
        self._pending: list[dict[str, Any]] = []
        self._shard_rows: list[int] = []
        self._index = pq.ParquetWriter(folder / INDEX, INDEX_SCHEMA, **_parquet_options())
        self._index_pending: list[dict[str, Any]] = []
        self._seen: set[int] = set()
        self._digest = hashlib.sha256()
        self._counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
        (folder / SHARDS).mkdir(exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def __len__(self) -> int:
        return sum(self._shard_rows)

    def add(self, record: ProteinRecord, split: str, cluster: str | None = None) -> None:
        """Append one record; `cluster` names the proteins similar to it, None: not known.

        Raises
        ------
        DataError
            If the id is already in the corpus or the split is not one of train, valid, test.
        """
        if split not in SPLITS:
            raise DataError(f"record {record.id}: split {split!r} is not one of {SPLITS}")
        key = _short_hash(record.id)
        if key in self._seen:
            raise DataError(f"record {record.id}: the id occurs twice; ids must be unique")
        self._seen.add(key)
        row = record_to_row(record, split, cluster)
        self._digest.update(row_digest(row))
        if self._writer is None:
            self._open_shard()
        self._index_row(record, split, cluster)
        self._pending.append(row)
        if len(self._pending) == self._rows_per_group:
            self._flush()
        if self._shard_rows[-1] == self._rows_per_shard:
            self._close_shard()

    def finish(
        self, ontology: GeneOntology | None = None, *, extra: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Write index, ontology and manifest.

        Parameters
        ----------
        ontology
            The release that the GO terms are of, or None without GO.
        extra
            More entries for the manifest: options, inputs, exclusion, report.

        Returns
        -------
        dict[str, Any]
            The manifest.

        Raises
        ------
        DataError
            If nothing was added.
        """
        self._close()
        if not len(self):
            raise DataError("no records left: every input was refused or excluded")
        manifest = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "content_hash": "",
            "multiprot_version": version("multiprot"),
            "counts": self._summed_counts(),
            "go": None if ontology is None else self._write_ontology(ontology),
            "exclusion": None,
            "report": None,
            **(extra or {}),
            "index": file_entry(self._folder, INDEX, rows=len(self)),
            "shards": [
                file_entry(self._folder, shard_name(number), rows=rows)
                for number, rows in enumerate(self._shard_rows)
            ],
        }
        manifest["content_hash"] = self._digest.hexdigest()
        text = json.dumps(manifest, indent=2) + "\n"
        (self._folder / MANIFEST).write_text(text, encoding="utf-8")
        return manifest

    def _write_ontology(self, ontology: GeneOntology) -> dict[str, Any]:
        ontology.write_obo(self._folder / ONTOLOGY)
        self._digest.update(ontology.content_hash.encode())
        return {
            "release": ontology.release,
            "content_hash": ontology.content_hash,
            "regulates": ontology.regulates,
            **file_entry(self._folder, ONTOLOGY),
        }

    def _index_row(self, record: ProteinRecord, split: str, cluster: str | None) -> None:
        facts = {"has_structure": record.structure is not None, "has_go": bool(record.go_terms)}
        self._index_pending.append(
            {
                "id": record.id,
                "length": len(record),
                "split": split,
                "cluster": cluster,
                **facts,
                "shard": len(self._shard_rows) - 1,
                "row": self._shard_rows[-1],
            }
        )
        self._shard_rows[-1] += 1
        counts = self._counts[split]
        counts["proteins"] += 1
        counts["structures"] += facts["has_structure"]
        counts["annotated"] += facts["has_go"]
        counts["residues"] += len(record)
        if len(self._index_pending) == _INDEX_ROWS_AT_A_TIME:
            self._flush_index()

    def _summed_counts(self) -> dict[str, Any]:
        kinds = ("proteins", "structures", "annotated", "residues")
        by_split = {
            split: {kind: counts[kind] for kind in kinds} for split, counts in self._counts.items()
        }
        total = {kind: sum(counts[kind] for counts in by_split.values()) for kind in kinds}
        return {**total, "by_split": by_split}

    def _open_shard(self) -> None:
        path = self._folder / shard_name(len(self._shard_rows))
        self._writer = pq.ParquetWriter(path, SHARD_SCHEMA, **_parquet_options())
        self._shard_rows.append(0)

    def _flush(self) -> None:
        if self._writer is not None and self._pending:
            self._writer.write_table(pa.Table.from_pylist(self._pending, schema=SHARD_SCHEMA))
            self._pending.clear()

    def _flush_index(self) -> None:
        if self._index_pending:
            table = pa.Table.from_pylist(self._index_pending, schema=INDEX_SCHEMA)
            self._index.write_table(table)
            self._index_pending.clear()

    def _close(self) -> None:
        self._close_shard()
        self._flush_index()
        self._index.close()

    def _close_shard(self) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def shard_name(number: int) -> str:
    """Name of a shard relative to the corpus."""
    return f"{SHARDS}/part-{number:05d}.parquet"


def _short_hash(text: str) -> int:
    """64 bits that stand for an id: a set of them takes a fraction of a set of strings."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _parquet_options() -> dict[str, Any]:
    # Page checksums let a reader notice a flipped bit without hashing the whole shard.
    return {
        "compression": "zstd",
        "write_page_checksum": True,
        "use_dictionary": ["split", "confidence_kind"],
    }
