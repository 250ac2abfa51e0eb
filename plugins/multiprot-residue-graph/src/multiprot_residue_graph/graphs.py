"""What each encoder's graph holds besides its nodes, made from a CA trace. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot_residue_graph.edges import (
    nearest_edges,
    radius_edges,
    sequential_edges,
)
from multiprot_residue_graph.trace import AlphaTrace, Integers

Arrays = dict[str, NDArray[Any]]

ACROSS_BREAK: Final = 20.0
"""Å. A nearest residue on the other side of a chain break counts only if it is nearer than this:
where the parts lie far from each other, nothing is known of how they lie."""


@dataclass(frozen=True, slots=True)
class RadiusGraph:
    """STEPS' graph: residues nearer than a radius.

    Attributes
    ----------
    radius
        Å.
    """

    radius: float

    def __call__(self, trace: AlphaTrace) -> Arrays:
        """`edge_index` and `distances`, ordered by receiver, then sender."""
        edges = radius_edges(trace, self.radius)
        edges = edges[:, np.lexsort(edges)]
        return {"edge_index": edges, "distances": _as_float32(trace.distances(*edges))}


@dataclass(frozen=True, slots=True)
class RelationalGraph:
    """GearNet's graph: one relation for each offset, one for near and one for nearest residues.

    Attributes
    ----------
    sequence_reach
        Largest offset along the sequence.
    radius
        Å.
    neighbours
        Nearest residues.
    least_offset
        Of radius and nearest-neighbour edges.
    corners
        Whether it is listed where edges meet, and at which angle.
    """

    sequence_reach: int
    radius: float
    neighbours: int
    least_offset: int
    corners: bool

    @property
    def relations(self) -> int:
        """How many relations there are."""
        return 2 * self.sequence_reach + 3

    def __call__(self, trace: AlphaTrace) -> Arrays:
        """Edges with relations, distances and sequence distances, and corners where wanted."""
        steps = range(-self.sequence_reach, self.sequence_reach + 1)
        near = radius_edges(trace, self.radius)
        near = near[:, trace.apart(near[0], near[1], self.least_offset)]
        nearest = nearest_edges(trace, self.neighbours, self.least_offset)
        lengths = trace.distances(nearest[0], nearest[1])
        kept = trace.joined(nearest[0], nearest[1]) | (lengths < ACROSS_BREAK)
        nearest = nearest[:, kept]
        kinds = [*(sequential_edges(trace, offset) for offset in steps), near, nearest]
        edges = np.concatenate(kinds, axis=1)
        relations = np.repeat(np.arange(self.relations), [kind.shape[1] for kind in kinds])
        order = np.lexsort((edges[0], relations, edges[1]))
        edges, relations = edges[:, order], relations[order]
        steps_apart = np.where(trace.joined(*edges), np.abs(trace.offsets(*edges)), -1)
        arrays: Arrays = {
            "edge_index": edges,
            "relations": relations,
            "distances": _as_float32(trace.distances(*edges)),
            "sequence_distances": steps_apart,
        }
        if self.corners:
            arrays |= corners(trace, edges)
        return arrays


def corners(trace: AlphaTrace, edges: Integers) -> Arrays:
    """Where edge i→j runs into edge j→k, i being another residue than k.

    Parameters
    ----------
    trace
        CA atoms.
    edges
        int64 [2, edge], ordered by receiver.

    Returns
    -------
    dict
        `corner_edges`, int64 [2, corner]: the edge that runs in, and the one that hears of it,
        ordered by the latter; `angles`, float32 [corner], radians, at j between i and k. An edge
        without length, from a residue to itself, meets every other at angle 0.
    """
    senders, receivers = edges
    bounds = np.searchsorted(receivers, np.arange(len(trace) + 1))
    first, counts = bounds[senders], np.diff(bounds)[senders]
    hearing = np.repeat(np.arange(len(senders)), counts)
    ranks = np.arange(len(hearing)) - np.repeat(np.cumsum(counts) - counts, counts)
    arriving = first[hearing] + ranks
    kept = senders[arriving] != receivers[hearing]
    arriving, hearing = arriving[kept], hearing[kept]
    return {
        "corner_edges": np.stack([arriving, hearing]),
        "angles": _as_float32(_angles(trace, edges, arriving, hearing)),
    }


def _angles(
    trace: AlphaTrace, edges: Integers, arriving: Integers, hearing: Integers
) -> NDArray[np.float64]:
    vectors = trace.places[edges[0]] - trace.places[edges[1]]
    length = np.sqrt(np.einsum("ex,ex->e", vectors, vectors))
    directions = vectors / np.where(length > 0, length, 1.0)[:, None]
    # Both seen from j: towards i along the arriving edge, towards k against the hearing one.
    cosines = -np.einsum("cx,cx->c", directions[arriving], directions[hearing])
    cosines[(length == 0)[arriving] | (length == 0)[hearing]] = 1.0
    return np.asarray(np.arccos(np.clip(cosines, -1.0, 1.0)))


def _as_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32)
