"""What each encoder's graph holds besides its nodes, made from a CA trace. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot_residue_graph.edges import (
    nearest_edges,
    radius_edges,
    sequential_edges,
)
from multiprot_residue_graph.trace import AlphaTrace, Integers

Arrays = dict[str, NDArray[Any]]


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
    angle_bins
        Bins of the angle at which two edges meet; None: corners are not listed.
    """

    sequence_reach: int
    radius: float
    neighbours: int
    least_offset: int
    angle_bins: int | None

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
        if self.angle_bins is not None:
            arrays |= corners(trace, edges, self.angle_bins)
        return arrays


def corners(trace: AlphaTrace, edges: Integers, bins: int) -> Arrays:
    """Where edge i→j runs into edge j→k, i being another residue than k.

    Parameters
    ----------
    trace
        CA atoms.
    edges
        int64 [2, edge], ordered by receiver.
    bins
        Of the angle at j between i and k, 0 to π, all of one width. An edge without length, from a
        residue to itself, meets every other at angle 0.

    Returns
    -------
    dict
        `corner_edges`, int64 [2, corner]: the edge that runs in, and the one that hears of it,
        ordered by the latter; `angle_bins`, uint8 [corner].
    """
    senders, receivers = edges
    bounds = np.searchsorted(receivers, np.arange(len(trace) + 1))
    first, last = bounds[senders], bounds[senders + 1]
    hearing = np.repeat(np.arange(len(senders)), last - first)
    places = np.arange(len(hearing)) - np.repeat(
        np.cumsum(last - first) - (last - first), last - first
    )
    arriving = np.repeat(first, last - first) + places
    kept = senders[arriving] != receivers[hearing]
    arriving, hearing = arriving[kept], hearing[kept]
    return {
        "corner_edges": np.stack([arriving, hearing]),
        "angle_bins": _angle_bins(trace, edges, arriving, hearing, bins),
    }


def _angle_bins(
    trace: AlphaTrace, edges: Integers, arriving: Integers, hearing: Integers, bins: int
) -> NDArray[np.uint8]:
    vectors = trace.places[edges[0]] - trace.places[edges[1]]
    length = np.sqrt(np.einsum("ex,ex->e", vectors, vectors))
    directions = vectors / np.where(length > 0, length, 1.0)[:, None]
    # Both seen from j: towards i along the arriving edge, towards k against the hearing one.
    cosines = -np.einsum("cx,cx->c", directions[arriving], directions[hearing])
    cosines[(length == 0)[arriving] | (length == 0)[hearing]] = 1.0
    # A larger angle is a smaller cosine; comparing cosines spares a million arc cosines.
    borders = -np.cos(np.arange(1, bins) * np.pi / bins)
    return np.asarray(np.searchsorted(borders, -cosines, side="right"), dtype=np.uint8)


def _as_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32)
