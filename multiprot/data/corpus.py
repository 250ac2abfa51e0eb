"""A corpus on disk, opened for random access."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from multiprot.data.corpus_format import (
    FORMAT,
    FORMAT_VERSION,
    INDEX,
    INDEX_SCHEMA,
    MANIFEST,
    SPLITS,
    row_to_record,
)
from multiprot.data.row_group_cache import RowGroupCache, damaged
from multiprot.errors import DataError
from multiprot.files import read_bytes, sha256
from multiprot.ontology import GeneOntology
from multiprot.proteins import ProteinRecord

CACHE_BYTES: Final = 1 << 30


class Corpus:
    """Proteins on disk. Open with `Corpus.open`; picklable, and safe to use in forked workers.

    Attributes
    ----------
    path
        Folder.
    manifest
        What `manifest.json` says: content hash, counts, GO release, exclusion, inputs.
    ids
        Record ids, in the corpus's order.
    lengths
        int64 [protein], residues.
    splits
        str [protein]: "train", "valid" or "test".
    clusters
        int64 [protein]: number of the cluster of similar proteins it belongs to; None where the
        corpus was built without clusters.
    has_structure, has_go
        bool [protein]: has a backbone; has at least one GO term.
    """

    def __init__(
        self, path: Path, manifest: dict[str, Any], index: pa.Table, *, cache_bytes: int
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.ids: tuple[str, ...] = tuple(index["id"].to_pylist())
        self.lengths: NDArray[np.int64] = index["length"].to_numpy().astype(np.int64)
        self.clusters = _cluster_numbers(index["cluster"].to_pylist())
        self.splits: NDArray[np.str_] = np.array(index["split"].to_pylist(), dtype=np.str_)
        self.has_structure: NDArray[np.bool_] = np.array(index["has_structure"].to_pylist(), bool)
        self.has_go: NDArray[np.bool_] = np.array(index["has_go"].to_pylist(), bool)
        self._shard: NDArray[np.int64] = index["shard"].to_numpy().astype(np.int64)
        self._row: NDArray[np.int64] = index["row"].to_numpy().astype(np.int64)
        self._shards = tuple(path / entry["file"] for entry in manifest["shards"])
        self._cache_bytes = cache_bytes
        self._cache = RowGroupCache(cache_bytes)

    @classmethod
    def open(cls, path: Path, *, cache_bytes: int = CACHE_BYTES) -> Self:
        """Open a corpus; checks what is cheap: manifest, index hash, presence and size of shards.

        Parameters
        ----------
        path
            Folder that `multiprot data build` wrote.
        cache_bytes
            Budget for decoded rows, in each process that reads.

        Raises
        ------
        DataError
            If the folder is not a corpus, is of an unknown format, or a file is missing or cut.
        """
        path = Path(path)
        manifest = _read_manifest(path)
        for entry in (manifest["index"], *manifest["shards"]):
            _check_size(path / entry["file"], entry["bytes"])
        index_path = path / manifest["index"]["file"]
        _check_hash(index_path, manifest["index"]["sha256"])
        try:
            index = pq.read_table(index_path, schema=INDEX_SCHEMA, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise damaged(index_path, error) from None
        return cls(path, manifest, index, cache_bytes=cache_bytes)

    def __len__(self) -> int:
        return len(self.ids)

    def __getstate__(self) -> dict[str, Any]:
        dropped = ("_cache", "ontology", "_row_of")
        return {name: value for name, value in vars(self).items() if name not in dropped}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._cache = RowGroupCache(self._cache_bytes)

    @cached_property
    def ontology(self) -> GeneOntology | None:
        """The ontology the GO terms are of, read at first use; None for a corpus without GO."""
        entry = self.manifest["go"]
        if entry is None:
            return None
        path = self.path / entry["file"]
        _check_hash(path, entry["sha256"])
        return GeneOntology.from_obo(path, regulates=entry.get("regulates", False))

    @property
    def content_hash(self) -> str:
        """SHA-256 over all records, splits and the ontology; independent of shards and paths."""
        return str(self.manifest["content_hash"])

    def read(self, rows: Sequence[int] | NDArray[np.int64]) -> list[ProteinRecord]:
        """Records of the given rows, in that order.

        Raises
        ------
        DataError
            If a row is out of range or a shard is damaged, naming it.
        """
        wanted = np.asarray(rows, dtype=np.int64)
        outside = wanted[(wanted < 0) | (wanted >= len(self))]
        if len(outside):
            raise DataError(f"{self.path}: row {outside[0]} is outside 0..{len(self) - 1}")
        return [
            row_to_record(self._cache.row(self._shards[self._shard[row]], int(self._row[row])))
            for row in wanted
        ]

    def rows(self, split: str) -> NDArray[np.int64]:
        """Rows of a split, ascending."""
        if split not in SPLITS:
            raise DataError(f"split {split!r} is not one of {SPLITS}")
        return np.flatnonzero(self.splits == split)

    def row(self, protein_id: str) -> int:
        """Row of a protein by its id."""
        if protein_id not in self._row_of:
            raise DataError(f"{self.path}: holds no protein {protein_id!r}")
        return self._row_of[protein_id]

    def columns(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """Values of shard columns, record by record in order, without touching the others.

        Memory holds one row group. Columns are those of `corpus_format.SHARD_SCHEMA`.
        """
        for path in self._shards:
            try:
                file = pq.ParquetFile(path, page_checksum_verification=True)
                groups = file.metadata.num_row_groups
                for group in range(groups):
                    table = file.read_row_group(group, columns=list(names), use_threads=False)
                    yield from zip(*(table[name].to_pylist() for name in names), strict=True)
            except (OSError, pa.ArrowException) as error:
                raise damaged(path, error) from None

    def verify(self) -> None:
        """Check the hash of every file the manifest names.

        Raises
        ------
        DataError
            Naming the first file that is missing or altered.
        """
        single = [self.manifest[key] for key in ("index", "go", "report")]
        for entry in (*single, *self.manifest["shards"]):
            if entry is not None:
                _check_hash(self.path / entry["file"], entry["sha256"])

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {protein_id: row for row, protein_id in enumerate(self.ids)}


def _cluster_numbers(names: list[str | None]) -> NDArray[np.int64] | None:
    """Equal numbers for equal names; a protein without a name is a cluster of its own."""
    if not any(names):
        return None
    own = len(names)
    number_of: dict[str, int] = {}
    return np.array(
        [own + row if not n else number_of.setdefault(n, row) for row, n in enumerate(names)],
        dtype=np.int64,
    )


def _read_manifest(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise DataError(f"{path}: no such corpus folder; make one with `multiprot data build`")
    if not (path / MANIFEST).is_file():
        raise DataError(
            f"{path}: not a corpus (no {MANIFEST}); make one with `multiprot data build`"
        )
    try:
        manifest = json.loads(read_bytes(path / MANIFEST))
    except ValueError as error:
        raise DataError(f"{path / MANIFEST}: not JSON ({error}); build the corpus again") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise DataError(f"{path / MANIFEST}: does not describe a corpus; check the path")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise DataError(
            f"{path}: corpus format {manifest.get('format_version')}, this multiprot reads "
            f"{FORMAT_VERSION}; build the corpus again"
        )
    missing = {"content_hash", "counts", "go", "report", "index", "shards"} - manifest.keys()
    if missing:
        raise DataError(f"{path / MANIFEST}: lacks {sorted(missing)}; build the corpus again")
    if manifest["index"].get("file") != INDEX:
        raise DataError(f"{path / MANIFEST}: names no index {INDEX}; build the corpus again")
    return manifest


def _check_size(path: Path, expected: int) -> None:
    if not path.is_file():
        raise DataError(f"{path}: missing from the corpus; build it again")
    size = path.stat().st_size
    if size != expected:
        raise DataError(
            f"{path}: {size} bytes, {expected} were written; truncated or altered, build it again"
        )


def _check_hash(path: Path, expected: str) -> None:
    if not path.is_file():
        raise DataError(f"{path}: missing from the corpus; build it again")
    if sha256(path) != expected:
        raise DataError(f"{path}: altered since it was written (SHA-256 differs); build it again")
