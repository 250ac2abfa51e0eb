"""Where each protein's tokens lie, in 48 bytes per protein."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multiprot.data.token_cache.inputs import DIGEST_BYTES
from multiprot.data.token_cache.shards import ShardHead


@dataclass(frozen=True, slots=True)
class Place:
    """Where the tokens of one protein lie.

    Attributes
    ----------
    row
        Number of the protein in the index.
    path
        The shard.
    start, stop
        Rows of it, half-open.
    checksum
        CRC-32 of tokens and mask.
    """

    row: int
    path: Path
    start: int
    stop: int
    checksum: int


class TokenIndex:
    """Digest to place, made from the heads of shards; a protein in two shards counts once."""

    def __init__(self, heads: Sequence[ShardHead]) -> None:
        self.shards = tuple(head.path for head in heads)
        digests = [np.zeros((0, DIGEST_BYTES), np.uint8), *(head.digests for head in heads)]
        places = [np.zeros((0, 4), np.int64), *(_places(n, head) for n, head in enumerate(heads))]
        # Two halves of a digest as numbers: they sort, which rows of bytes do not.
        keys = np.ascontiguousarray(np.concatenate(digests)).view(">u8").astype(np.uint64)
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        keys = keys[order]
        first = np.ones(len(keys), dtype=np.bool_)
        first[1:] = (keys[1:] != keys[:-1]).any(axis=1)
        self._keys: NDArray[np.uint64] = keys[first]
        self._places: NDArray[np.int64] = np.concatenate(places)[order][first]

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, digest: bytes) -> bool:
        return self.find(digest) is not None

    @property
    def residues(self) -> int:
        """Residues of all proteins."""
        return int((self._places[:, 2] - self._places[:, 1]).sum())

    def find(self, digest: bytes) -> Place | None:
        """Where the protein with this digest lies, or None."""
        high, low = (np.uint64(int.from_bytes(half)) for half in (digest[:8], digest[8:]))
        left, right = (
            int(np.searchsorted(self._keys[:, 0], high, side)) for side in ("left", "right")
        )
        row = left + int(np.searchsorted(self._keys[left:right, 1], low))
        if row >= right or self._keys[row, 1] != low:
            return None
        shard, start, stop, checksum = self._places[row].tolist()
        return Place(row, self.shards[shard], start, stop, checksum)


def _places(number: int, head: ShardHead) -> NDArray[np.int64]:
    """int64 [protein, 4]: shard, start, stop, checksum."""
    shard = np.full(len(head.digests), number, dtype=np.int64)
    return np.stack([shard, head.offsets[:-1], head.offsets[1:], head.checksums], axis=1)
