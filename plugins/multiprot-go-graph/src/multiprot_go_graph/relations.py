"""The GO graph as one matrix per relation, and the part of it that a request needs. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Terms and edges from which the vectors of the requested terms follow.

    Attributes
    ----------
    terms
        int64 [node]: rows of the ontology; the requested ones first, then those one edge away …
    nodes
        How many terms lie at most 0, 1, … edges away.
    sources, targets
        int64 [edge]: nodes; `targets` is ascending.
    slots
        int64 [edge]: relation of each edge.
    weights
        float32 [edge]: one over the number of edges of that relation into the target.
    edges
        How many edges lead into the terms at most 0, 1, … edges away.
    """

    terms: Ints
    nodes: tuple[int, ...]
    sources: Ints
    targets: Ints
    slots: Ints
    weights: NDArray[np.float32]
    edges: tuple[int, ...]


class RelationGraph:
    """Who sends messages to whom, by relation.

    Parameters
    ----------
    ontology
        The bound release.
    both
        Children send messages too, not only parents.

    Attributes
    ----------
    relations
        Number of relations: is_a and part_of (with it regulates, where the ontology has it), each
        from parents, and from children too if `both`.
    """

    def __init__(self, ontology: GeneOntology, both: bool) -> None:
        child, parent = np.asarray(ontology.edges)
        kind = np.minimum(np.asarray(ontology.edge_relations), 1)
        if both:
            child, parent = np.concatenate([child, parent]), np.concatenate([parent, child])
            kind = np.concatenate([kind, kind + 2])
        self.relations = 4 if both else 2
        # Two regulates relations between one pair are one message.
        unique = np.unique(np.stack([child, kind, parent]), axis=1)
        targets, self._slots, self._sources = unique
        self._starts = np.searchsorted(targets, np.arange(len(ontology) + 1))
        _, group, sizes = np.unique(
            targets * self.relations + self._slots, return_inverse=True, return_counts=True
        )
        self._weights = (1.0 / sizes[group]).astype(np.float32)

    def neighbourhood(self, requested: Ints, reach: int) -> Neighbourhood:
        """What decides the vectors of `requested` after `reach` rounds, and nothing more.

        Parameters
        ----------
        requested
            int64 [term], rows of the ontology, each once.
        reach
            Rounds of message passing.
        """
        local = np.full(len(self._starts) - 1, -1, dtype=np.int64)
        local[requested] = np.arange(len(requested))
        rings, edges, ring, total = [requested], [], requested, len(requested)
        for _ in range(reach):
            into = self._edges_into(ring)
            edges.append(into)
            found = np.unique(self._sources[into])
            ring = found[local[found] < 0]
            local[ring] = total + np.arange(len(ring))
            total += len(ring)
            rings.append(ring)
        picked = np.concatenate(edges) if edges else np.zeros(0, np.int64)
        terms = np.concatenate(rings)
        counts = np.diff(self._starts)[terms[: total - len(ring)]] if reach else np.zeros(0, int)
        return Neighbourhood(
            terms=terms,
            nodes=tuple(np.cumsum([len(r) for r in rings]).tolist()),
            sources=local[self._sources[picked]],
            targets=np.repeat(np.arange(len(counts)), counts),
            slots=self._slots[picked],
            weights=self._weights[picked],
            edges=tuple(np.cumsum([len(e) for e in edges]).tolist()),
        )

    def _edges_into(self, targets: Ints) -> Ints:
        """Edges into `targets`, target by target."""
        return ranges(self._starts[targets], self._starts[targets + 1])


def ranges(starts: Ints, stops: Ints) -> Ints:
    """The numbers from each start up to its stop, one range after another."""
    counts = stops - starts
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.arange(total) + np.repeat(starts - ends + counts, counts))
