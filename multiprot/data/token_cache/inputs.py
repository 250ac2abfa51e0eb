"""What an encoder sees of a protein, as one hash; ids, GO terms and spans are no part of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.data.corpus import Corpus
from multiprot.data.corpus_format import record_to_row
from multiprot.proteins import ProteinRecord

DIGEST_BYTES: Final = 16
"""At 10⁹ proteins the chance that two different ones share a digest is below 10⁻²⁰."""

_SEQUENCE: Final = ("sequence",)
_STRUCTURE: Final = ("coordinates", "present", "chain_breaks", "confidence", "confidence_kind")


class InputHash:
    """Hashes records, and rows of a corpus, alike.

    Parameters
    ----------
    structure
        The encoder sees structures: coordinates, breaks and confidence count, too. Without, only
        the sequence does.
    """

    def __init__(self, *, structure: bool) -> None:
        self.structure = structure
        self._columns = _SEQUENCE + (_STRUCTURE if structure else ())

    def of(self, record: ProteinRecord) -> bytes:
        """The digest of a record."""
        if not self.structure:
            return _digest([record.sequence])
        row = record_to_row(record, "train")
        return _digest(row[name] for name in self._columns)

    def rows(self, corpus: Corpus, rows: NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
        """Each of `rows`, ascending, with its digest; one without a resolved residue is left out.

        Only where structures count: an encoder of structures has nothing to say of such a protein.
        """
        wanted = np.zeros(len(corpus), dtype=np.bool_)
        wanted[rows] = True
        if self.structure:
            wanted &= corpus.has_structure
        for row, values in enumerate(corpus.columns(*self._columns)):
            if wanted[row] and not (self.structure and not _resolved(values)):
                yield row, _digest(values)


def _resolved(values: tuple[Any, ...]) -> bool:
    present: bytes = values[1 + _STRUCTURE.index("present")]
    return b"\x01" in present


def _digest(values: Iterable[Any]) -> bytes:
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for value in values:
        part = value if isinstance(value, bytes) else str(value).encode()
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()
