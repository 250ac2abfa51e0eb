"""Finding a protein's row by its id, without reading the ids: hashes on disk, ascending."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multiprot.embedding.store_format import IDS, ROWS


def write_id_index(folder: Path, ids: Iterable[Sequence[str]], count: int) -> None:
    """Write the index of `count` ids, given part by part in the order of their rows."""
    hashes = np.empty(count, dtype=np.uint64)
    row = 0
    for part in ids:
        hashes[row : row + len(part)] = hash_ids(part)
        row += len(part)
    order = np.argsort(hashes, kind="stable")
    np.save(folder / IDS, hashes[order], allow_pickle=False)
    np.save(folder / ROWS, order.astype(np.int64), allow_pickle=False)


def hash_ids(ids: Sequence[str]) -> NDArray[np.uint64]:
    """uint64 [id]: the first 8 bytes of BLAKE2b."""
    digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in ids]
    return np.frombuffer(b"".join(digests), dtype="<u8")


class IdIndex:
    """An index on disk, mapped into memory; what is looked up is all that is read."""

    def __init__(self, hashes: Path, rows: Path) -> None:
        self._hashes = np.load(hashes, mmap_mode="r", allow_pickle=False)
        self._rows = np.load(rows, mmap_mode="r", allow_pickle=False)

    def candidates(self, protein_id: str) -> list[int]:
        """Rows whose id may be `protein_id`: more than one only where hashes collide."""
        wanted = hash_ids([protein_id])[0]
        start = int(np.searchsorted(self._hashes, wanted, side="left"))
        stop = int(np.searchsorted(self._hashes, wanted, side="right"))
        return [int(row) for row in self._rows[start:stop]]
