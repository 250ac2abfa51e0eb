"""Which row of a file belongs to which term of a release. No torch."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FileFormatError, ObsoleteTermError, OntologyError
from multiprot_go_graph.vector_file import VectorTable

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology

_GO_ID: Final = re.compile(r"GO:\d{7}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What became of the rows of a file, and of the terms of the release.

    Attributes
    ----------
    own
        Terms with the vector of a row under their own id.
    merged
        Terms with the vector of one alternative id, or the mean of several, for want of an own row.
    replaced
        The same with obsolete ids that the term replaces.
    filled
        Terms without any row, whose vectors are made from their parents'.
    unused
        Rows of retired ids whose term has a row nearer to it.
    retired
        Obsolete ids without a replacement, left out.
    others
        Rows that are no terms of the release, left out.
    """

    own: int
    merged: int
    replaced: int
    filled: int
    unused: int = 0
    retired: int = 0
    others: int = 0

    @property
    def complete(self) -> bool:
        """Every term has a row of its own, and every row a term."""
        return not (self.merged or self.replaced or self.filled or self.left_out)

    @property
    def left_out(self) -> int:
        """Rows of the file that no vector was made of."""
        return self.unused + self.retired + self.others

    def __str__(self) -> str:
        return (
            f"{self.own} terms have vectors of their own, {self.merged} of merged ids, "
            f"{self.replaced} of obsolete ids, {self.filled} from their parents'; left out were "
            f"{self.left_out} rows ({self.unused} not needed, {self.retired} obsolete without "
            f"replacement, {self.others} not in the release)"
        )


@dataclass(slots=True)
class _Claims:
    """Rows of the file that claim a term, by how near to it their ids are."""

    own: dict[int, int]
    merged: dict[int, list[int]]
    replaced: dict[int, list[int]]
    retired: int = 0
    others: int = 0


def place(
    table: VectorTable, ontology: GeneOntology, *, map_retired: bool, skip_others: bool, source: str
) -> tuple[NDArray[np.float32], NDArray[np.bool_], Coverage]:
    """Vectors of the release's terms.

    A term takes the row under its own id; else the mean of the rows of ids that were merged into
    it; else, with `map_retired`, the mean of the rows of obsolete ids that it replaces.

    Parameters
    ----------
    table
        Of the file.
    ontology
        The release.
    map_retired, skip_others
        As the options `retired: map` and `others: skip`.
    source
        The file, for errors.

    Returns
    -------
    vectors : ndarray
        float32 [term, channel]; zero where unknown.
    known : ndarray
        bool [term].
    coverage : Coverage
        Its `filled` are the unknown terms.

    Raises
    ------
    ObsoleteTermError
        If an id is obsolete and may not be mapped; names its replacement.
    FileFormatError
        If an id is not in the release and may not be skipped, or no term has a vector.
    """
    claims = _claims(table, ontology, map_retired, skip_others, source)
    vectors = np.zeros((len(ontology), table.vectors.shape[1]), np.float32)
    known = np.zeros(len(ontology), np.bool_)
    used = 0
    for near in ({row: [line] for row, line in claims.own.items()}, claims.merged, claims.replaced):
        for row, lines in near.items():
            if not known[row]:
                vectors[row] = table.vectors[lines].mean(axis=0, dtype=np.float64)
                used += len(lines)
        known[list(near)] = True
    if not known.any():
        raise FileFormatError(
            f"{source}: none of its {len(table.ids)} rows is a term of release {ontology.release}, "
            f"the first is {table.ids[0]!r}; it belongs to another ontology"
        )
    merged = len(set(claims.merged) - set(claims.own))
    own = len(claims.own)
    coverage = Coverage(
        own=own,
        merged=merged,
        replaced=int(known.sum()) - own - merged,
        filled=int((~known).sum()),
        unused=len(table.ids) - used - claims.retired - claims.others,
        retired=claims.retired,
        others=claims.others,
    )
    return vectors, known, coverage


def _claims(
    table: VectorTable, ontology: GeneOntology, map_retired: bool, skip_others: bool, source: str
) -> _Claims:
    claims = _Claims({}, defaultdict(list), defaultdict(list))
    for line, term_id in enumerate(table.ids):
        if term_id in ontology:
            claims.own[ontology.row(term_id)] = line
            continue
        try:
            live = ontology.resolve(term_id)
        except ObsoleteTermError as error:
            if not map_retired:
                raise ObsoleteTermError(_advice(source, str(error)), error.candidates) from None
            claims.retired += 1
            continue
        except OntologyError as error:
            if not skip_others:
                raise FileFormatError(_unknown(source, term_id, str(error))) from None
            claims.others += 1
            continue
        if term_id in ontology.term(live).alt_ids:
            claims.merged[ontology.row(live)].append(line)
        elif map_retired:
            claims.replaced[ontology.row(live)].append(line)
        else:
            said = f"{term_id} is obsolete, use {live} ({ontology.name(live)}) instead"
            raise ObsoleteTermError(_advice(source, said), (live,))
    return claims


def _advice(source: str, said: str) -> str:
    return f"{source}: {said}; or set retired: map, and rows move to what replaces them"


def _unknown(source: str, term_id: str, said: str) -> str:
    if not _GO_ID.fullmatch(term_id):
        said = f"{term_id!r} is no GO id"
    return f"{source}: {said}; to leave such rows out, set others: skip"
