"""Names as sparse rows of hashed words and letter triples, weighted by rarity. No torch.

A term that no protein of the training set has still has a name; words that it shares with other
terms carry what was learned there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from zlib import crc32

import numpy as np
from scipy.sparse import csr_array

_WORD = re.compile(r"[a-z0-9]+")


def hashed_text(names: Sequence[str], buckets: int) -> csr_array:
    """Weights of hash buckets, float32 [name, bucket], each row of length one.

    A bucket's weight is its count times the logarithm of how rare it is among `names`; a name
    without letters or digits is a row of zeros. The hash is CRC-32: the same everywhere, for ever.

    Parameters
    ----------
    names
        One per term.
    buckets
        Columns, at least one; two features may fall into one bucket.
    """
    known: dict[str, list[int]] = {}
    rows = [_columns(name, buckets, known) for name in names]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    columns = np.fromiter(chain.from_iterable(rows), np.int64, count=int(starts[-1]))
    counts = csr_array((np.ones(len(columns)), columns, starts), shape=(len(names), buckets))
    counts.sum_duplicates()
    holders = np.bincount(counts.indices, minlength=buckets)
    counts.data *= np.log1p(len(names) / np.maximum(holders, 1))[counts.indices]
    length = np.sqrt(counts.multiply(counts).sum(axis=1))
    counts.data /= np.repeat(length, np.diff(counts.indptr))
    return counts.astype(np.float32)


def _columns(name: str, buckets: int, known: dict[str, list[int]]) -> list[int]:
    """Buckets of a name; `known` holds those of words met before."""
    found: list[int] = []
    for word in _WORD.findall(name.lower()):
        if word not in known:
            known[word] = [crc32(part.encode()) % buckets for part in _parts(word)]
        found.extend(known[word])
    return found


def _parts(word: str) -> Iterator[str]:
    """The whole word, then its letter triples with both ends marked."""
    yield f"={word}"
    marked = f"<{word}>"
    yield from (marked[start : start + 3] for start in range(len(marked) - 2))
