"""Splits from a file, and the guard against leaks between splits."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final, NamedTuple

from multiprot.data.corpus_format import SPLITS
from multiprot.data.tables import read_table
from multiprot.errors import DataError, FileFormatError

_CLUSTER: Final = "cluster"
_DIGEST_BYTES: Final = 16


class Place(NamedTuple):
    """Where a protein belongs: its split, and its cluster of similar proteins if that is known."""

    split: str
    cluster: str | None = None


def read_splits(path: Path) -> dict[str, Place]:
    """Protein id -> place, from a TSV with protein_id, split and possibly cluster columns.

    A column whose name begins with "cluster" must not have one cluster in several splits. Of
    several such columns the first one tells a protein's cluster.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or an id has two splits or an unknown one.
    DataError
        If a cluster straddles splits, naming two of its proteins.
    """
    places: dict[str, Place] = {}
    first_of: dict[tuple[str, str], tuple[str, str]] = {}
    for row in read_table(path, ("protein_id", "split")):
        protein, split = row["protein_id"], row["split"]
        if split not in SPLITS:
            raise FileFormatError(
                f"{path}: line {row.line}: split {split!r} of {protein} is not one of "
                f"{', '.join(SPLITS)}"
            )
        clusters = {name: c for name, c in row.values.items() if name.startswith(_CLUSTER)}
        place = Place(split, next(iter(clusters.values()), None) or None)
        if (known := places.setdefault(protein, place)) != place:
            raise FileFormatError(
                f"{path}: line {row.line}: {protein} is in {_named(known)} and in "
                f"{_named(place)}; keep one line"
            )
        for column, cluster in clusters.items():
            if cluster:
                other, where = first_of.setdefault((column, cluster), (protein, split))
                if where != split:
                    raise DataError(
                        f"{path}: leak: {other} ({where}) and {protein} ({split}) are both of "
                        f"{column} {cluster}; a cluster must lie in one split"
                    )
    return places


def _named(place: Place) -> str:
    return place.split if place.cluster is None else f"{place.split} (cluster {place.cluster})"


class LeakGuard:
    """Refuses one sequence in two splits; remembers a hash, an id and a split per sequence."""

    def __init__(self) -> None:
        # One string "split id" per sequence: a third of the memory of a tuple of two.
        self._first: dict[bytes, str] = {}

    def check(self, protein: str, sequence: str, split: str) -> None:
        """Take note of one protein.

        Raises
        ------
        DataError
            If an equal sequence was seen in another split, naming both proteins.
        """
        first = self._first.setdefault(sequence_digest(sequence), f"{split} {protein}")
        where, other = first.split(" ", 1)
        if where != split:
            raise DataError(
                f"leak: {other} ({where}) and {protein} ({split}) have the same sequence; put them "
                "into one split or remove one"
            )


def sequence_digest(sequence: str) -> bytes:
    """16 bytes that stand for a sequence."""
    return hashlib.blake2b(sequence.encode(), digest_size=_DIGEST_BYTES).digest()
