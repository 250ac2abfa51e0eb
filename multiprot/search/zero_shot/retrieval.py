"""Proteins of GO terms: the other way round through the shared space."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multiprot.ontology import NAMESPACES
from multiprot.search.zero_shot.annotator import Annotator, Basis
from multiprot.search.zero_shot.proteins import PROTEINS_AT_ONCE, ProteinVectors


@dataclass(frozen=True, slots=True)
class FoundProtein:
    """A protein that may have a term.

    Attributes
    ----------
    term, name, namespace
        The term.
    rank
        From 1.
    protein
        Id.
    probability
        That the protein has the term.
    cosine
        Between the two in the shared space.
    basis
        As in `AnnotatedTerm`.
    """

    term: str
    name: str
    namespace: str
    rank: int
    protein: str
    probability: float
    cosine: float
    basis: Basis


def proteins_of_terms(
    annotator: Annotator,
    term_ids: Sequence[str],
    parts: Iterable[ProteinVectors],
    *,
    min_probability: float = 0.05,
    top: int | None = None,
) -> list[FoundProtein]:
    """Proteins that have terms, the most probable first.

    The probability is the one that `Annotator.annotate` gives to the pair, so that a protein also
    ranks high for a term if it does for one below. Of equally probable proteins the one with the
    higher cosine comes first, then the one that was read first.

    Parameters
    ----------
    annotator
        Knows the terms.
    term_ids
        Ids of the terms; their order is kept.
    parts
        The proteins, as `SharedVectors.parts` gives them.
    min_probability
        Proteins below it are left out.
    top
        At most so many for each term; None: all.

    Raises
    ------
    SearchError
        If a term is not the annotator's.
    """
    positions = [annotator.position(term_id) for term_id in term_ids]
    ranking = [_Ranking(min_probability, top) for _ in positions]
    for part in parts:
        probabilities = annotator.probabilities(part.vectors)[positions]
        cosines = annotator.cosines(part.vectors)[positions]
        for row, best in enumerate(ranking):
            best.take(part.ids, probabilities[row], cosines[row])
    return [
        FoundProtein(
            annotator.term_ids[position],
            annotator.names[position],
            NAMESPACES[annotator.namespaces[position]].value,
            rank,
            *found,
            annotator.basis[position],
        )
        for position, best in zip(positions, ranking, strict=True)
        for rank, found in enumerate(best.sorted(), start=1)
    ]


class _Ranking:
    """The best proteins of one term so far."""

    def __init__(self, least: float, most: int | None) -> None:
        self._least, self._most = least, most
        self._ids: list[str] = []
        self._numbers: list[NDArray[np.float64]] = []

    def take(
        self, ids: Sequence[str], probabilities: NDArray[np.float64], cosines: NDArray[np.float64]
    ) -> None:
        """Let proteins in; later calls bring proteins that were read later."""
        likely = np.flatnonzero(probabilities >= self._least)
        self._ids += [ids[int(row)] for row in likely]
        self._numbers.append(np.stack([probabilities[likely], cosines[likely]], axis=1))
        if self._most is not None and len(self._ids) > self._most + PROTEINS_AT_ONCE:
            numbers, order = self._order()
            order = np.sort(order)  # what was read first stays first
            self._ids = [self._ids[row] for row in order]
            self._numbers = [numbers[order]]

    def sorted(self) -> list[tuple[str, float, float]]:
        """Id, probability and cosine, the best first."""
        numbers, order = self._order()
        return [(self._ids[row], *map(float, numbers[row])) for row in order]

    def _order(self) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Probability and cosine, float64 [protein, 2], and which are the best, best first."""
        numbers = np.concatenate([np.zeros((0, 2)), *self._numbers])
        probability, cosine = numbers.T
        return numbers, np.lexsort((-cosine, -probability))[: self._most]
