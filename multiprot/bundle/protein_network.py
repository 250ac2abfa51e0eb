"""A network of proteins that are known by their sequences; no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

DIGEST_BYTES = 32


class ProteinNetwork:
    """Proteins in the order of their hashes, and which of them are linked.

    Parameters
    ----------
    digests
        uint8 [protein, byte]: SHA-256 of each sequence, ascending.
    edges
        int64 [2, edge]: from which protein to which; every link stands there both ways.
    """

    def __init__(self, digests: NDArray[np.uint8], edges: NDArray[np.int64]) -> None:
        self.digests, self.edges = digests, edges
        self._numbers = {row.tobytes(): number for number, row in enumerate(digests)}

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> ProteinNetwork:
        """The network of linked sequences.

        A pair counts once, whichever protein comes first; one of a protein with itself not at all.
        Neither changes with the order of the pairs.
        """
        links = {_link(*pair) for pair in pairs if pair[0] != pair[1]}
        names = sorted({name for link in links for name in link})
        places = {name: number for number, name in enumerate(names)}
        there = sorted((places[one], places[other]) for one, other in links)
        both = sorted([*there, *((other, one) for one, other in there)])
        return cls(
            np.frombuffer(b"".join(names), dtype=np.uint8).reshape(len(names), DIGEST_BYTES),
            np.array(both, dtype=np.int64).reshape(len(both), 2).T.copy(),
        )

    def __len__(self) -> int:
        return len(self.digests)

    def numbers(self, sequences: Sequence[str]) -> NDArray[np.int64]:
        """int64 [sequence]: which protein each is; -1: none."""
        found = (self._numbers.get(_digest(sequence), -1) for sequence in sequences)
        return np.fromiter(found, dtype=np.int64, count=len(sequences))


def _digest(sequence: str) -> bytes:
    return hashlib.sha256(sequence.encode("ascii")).digest()


def _link(one: str, other: str) -> tuple[bytes, bytes]:
    first, second = sorted((_digest(one), _digest(other)))
    return first, second
