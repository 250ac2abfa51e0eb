"""Which residues are joined: by distance, by being nearest, by the sequence. No torch.

Edges are int64 [2, edge], sender above receiver, the convention of torch-geometric. They depend on
one protein alone.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from multiprot_residue_graph.trace import AlphaTrace, Floats, Integers

TIE: Final = 1e-3
"""Å, the precision of coordinate files: distances that differ by less count as equal, so that the
rounding of a rotated file decides nothing."""


def radius_edges(trace: AlphaTrace, radius: float) -> Integers:
    """Every two different residues nearer than `radius` Å, in both directions."""
    if len(trace) < 2:
        return no_edges()
    pairs = cKDTree(trace.places).query_pairs(radius, output_type="ndarray").T.astype(np.int64)
    # The tree takes "not farther than"; the papers' graphs have "nearer than".
    pairs = pairs[:, trace.distances(*pairs) < radius]
    return np.concatenate([pairs, pairs[::-1]], axis=1)


def nearest_edges(trace: AlphaTrace, count: int, least_offset: int) -> Integers:
    """From the `count` nearest residues to each one; of equally near ones, the first in the chain.

    Parameters
    ----------
    trace
        CA atoms.
    count
        Edges that reach a residue; fewer where the protein has too few residues.
    least_offset
        Residues nearer than this along the sequence do not count, unless a chain break lies
        between.
    """
    if not len(trace):
        return no_edges()
    reach = _reach(trace, count, least_offset)
    # Where a protein has too few residues, all are near enough.
    everything = float(np.ptp(trace.places, axis=0).sum()) + 1.0
    balls = cKDTree(trace.places).query_ball_point(
        trace.places, np.minimum(reach + TIE, everything)
    )
    receivers = np.repeat(np.arange(len(trace)), [len(ball) for ball in balls])
    senders = np.concatenate([np.asarray(ball, dtype=np.int64) for ball in balls])
    eligible = trace.apart(senders, receivers, least_offset)
    senders, receivers = senders[eligible], receivers[eligible]
    tied = np.abs(trace.distances(senders, receivers) - reach[receivers]) <= TIE
    order = np.lexsort((senders, tied, receivers))
    senders, receivers = senders[order], receivers[order]
    starts = np.searchsorted(receivers, np.arange(len(trace)))
    rank = np.arange(len(receivers)) - starts[receivers]
    return np.stack([senders, receivers])[:, rank < count]


def _reach(trace: AlphaTrace, count: int, least_offset: int) -> Floats:
    """Å [node]: how far the `count`-th nearest residue that counts is; infinite without one."""
    nodes = len(trace)
    # So many that `count` remain when the residue and its neighbours in sequence are left out.
    asked = min(nodes, count + 2 * least_offset - 1)
    distances, found = cKDTree(trace.places).query(trace.places, k=np.arange(1, asked + 1))
    receivers = np.broadcast_to(np.arange(nodes)[:, None], found.shape)
    distances = np.where(trace.apart(found, receivers, least_offset), distances, np.inf)
    if asked < count:
        return np.full(nodes, np.inf)
    return np.asarray(np.partition(distances, count - 1, axis=1)[:, count - 1])


def sequential_edges(trace: AlphaTrace, offset: int) -> Integers:
    """From the residue `offset` steps on, where it was seen and no chain break lies between."""
    if not len(trace):
        return no_edges()
    nodes = np.full(int(trace.rows[-1]) + 1, -1, dtype=np.int64)
    nodes[trace.rows] = np.arange(len(trace))
    wanted = trace.rows + offset
    inside = (wanted >= 0) & (wanted < len(nodes))
    senders = np.where(inside, nodes[np.where(inside, wanted, 0)], -1)
    receivers = np.flatnonzero(senders >= 0)
    senders = senders[receivers]
    whole = trace.joined(senders, receivers)
    return np.stack([senders, receivers])[:, whole]


def no_edges() -> Integers:
    """int64 [2, 0]."""
    return np.zeros((2, 0), np.int64)
