"""What a corpus looks like on disk: names, columns, and one record as one row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from multiprot.proteins import (
    BACKBONE_ATOMS,
    BackboneStructure,
    Confidence,
    FeatureSpan,
    ProteinRecord,
)

FORMAT: Final = "multiprot-corpus"
FORMAT_VERSION: Final = 2
MANIFEST: Final = "manifest.json"
INDEX: Final = "index.parquet"
ONTOLOGY: Final = "go.obo.gz"
REPORT: Final = "report.parquet"
SHARDS: Final = "shards"

SPLITS: Final = ("train", "valid", "test")
"""Names of the splits, in the order in which they are reported."""

SHARD_SCHEMA: Final = pa.schema(
    [
        ("id", pa.string()),
        ("sequence", pa.string()),
        ("length", pa.int32()),
        ("split", pa.string()),
        # Proteins similar to each other, null where that is not known.
        ("cluster", pa.string()),
        ("go_terms", pa.list_(pa.string())),
        ("not_go_terms", pa.list_(pa.string())),
        # Raw little-endian arrays, null without a structure: float32 [residue, atom, xyz] in Å,
        # bool [residue, atom], bool [residue], float32 [residue].
        ("coordinates", pa.binary()),
        ("present", pa.binary()),
        ("chain_breaks", pa.binary()),
        ("confidence", pa.binary()),
        ("confidence_kind", pa.string()),
        (
            "features",
            pa.list_(
                pa.struct(
                    [
                        ("start", pa.int32()),
                        ("stop", pa.int32()),
                        ("kind", pa.string()),
                        ("name", pa.string()),
                    ]
                )
            ),
        ),
    ]
)

INDEX_SCHEMA: Final = pa.schema(
    [
        ("id", pa.string()),
        ("length", pa.int32()),
        ("split", pa.string()),
        ("cluster", pa.string()),
        ("has_structure", pa.bool_()),
        ("has_go", pa.bool_()),
        ("shard", pa.int32()),
        ("row", pa.int32()),
    ]
)

_FLOAT: Final = np.dtype("<f4")
_BOOL: Final = np.dtype("?")
_ARRAYS: Final = (
    ("coordinates", _FLOAT),
    ("present", _BOOL),
    ("chain_breaks", _BOOL),
    ("confidence", _FLOAT),
)


def record_to_row(record: ProteinRecord, split: str, cluster: str | None = None) -> dict[str, Any]:
    """One row of `SHARD_SCHEMA`."""
    structure = record.structure
    arrays: dict[str, bytes | None] = {name: None for name, _ in _ARRAYS}
    if structure is not None:
        arrays = {
            name: np.ascontiguousarray(getattr(structure, name), dtype).tobytes()
            for name, dtype in _ARRAYS
        }
    return {
        "id": record.id,
        "sequence": record.sequence,
        "length": len(record),
        "split": split,
        "cluster": cluster,
        "go_terms": None if record.go_terms is None else sorted(record.go_terms),
        "not_go_terms": sorted(record.not_go_terms),
        **arrays,
        "confidence_kind": None if structure is None else str(structure.confidence_kind),
        "features": [
            {"start": f.start, "stop": f.stop, "kind": f.kind, "name": f.name}
            for f in record.features
        ],
    }


def row_to_record(row: Mapping[str, Any]) -> ProteinRecord:
    """The record of one row of `SHARD_SCHEMA`; its invariants are checked again on the way."""
    go_terms = row["go_terms"]
    return ProteinRecord(
        id=row["id"],
        sequence=row["sequence"],
        structure=_structure(row),
        go_terms=None if go_terms is None else frozenset(go_terms),
        not_go_terms=frozenset(row["not_go_terms"]),
        features=tuple(FeatureSpan(**span) for span in row["features"]),
    )


def row_digest(row: Mapping[str, Any]) -> bytes:
    """SHA-256 of everything a row says, whatever shard it lies in."""
    digest = hashlib.sha256()
    for name in SHARD_SCHEMA.names:
        for part in _parts(row[name]):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        digest.update(b"\xff")
    return digest.digest()


def _parts(value: Any) -> Iterable[bytes]:
    if value is None:
        yield b"\x00none"
    elif isinstance(value, bytes):
        yield value
    elif isinstance(value, list):
        yield b"\x00list"
        for item in value:
            yield str(sorted(item.items()) if isinstance(item, dict) else item).encode()
    else:
        yield str(value).encode()


def _structure(row: Mapping[str, Any]) -> BackboneStructure | None:
    if row["coordinates"] is None:
        return None
    residues, atoms = int(row["length"]), len(BACKBONE_ATOMS)
    return BackboneStructure(
        coordinates=_array(row, "coordinates", _FLOAT).reshape(residues, atoms, 3),
        present=_array(row, "present", _BOOL).reshape(residues, atoms),
        chain_breaks=_array(row, "chain_breaks", _BOOL),
        confidence=_array(row, "confidence", _FLOAT),
        confidence_kind=Confidence(row["confidence_kind"]),
    )


def _array(row: Mapping[str, Any], name: str, dtype: DTypeLike) -> NDArray[Any]:
    return np.frombuffer(row[name], dtype=dtype)
