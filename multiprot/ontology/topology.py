"""Numeric work on the graph of terms: edges, cycles, depth and the closure of ancestors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import OntologyError
from multiprot.ontology.term import RELATIONS, Term

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Edges = NDArray[np.int64]
"""int64 [2, edge]: child row, parent row."""


def parent_rows(terms: Sequence[Term], rows: Mapping[str, int]) -> tuple[Edges, NDArray[np.int64]]:
    """Edges [2, edge] and their relations [edge], sorted by child, parent and relation.

    Raises
    ------
    OntologyError
        If a parent is not a live term.
    """
    triples = []
    for child, term in enumerate(terms):
        for relation, parent in term.parents():
            row = rows.get(parent)
            if row is None:
                raise OntologyError(
                    f"term {term.id}: its {RELATIONS[relation]} parent {parent} is not a live term "
                    "of this ontology; the file is incomplete or the parent obsolete"
                )
            triples.append((child, row, relation))
    table = np.array(triples, dtype=np.int64).reshape(-1, 3)
    table = np.ascontiguousarray(table[np.lexsort(table.T[::-1])].T)
    table.flags.writeable = False
    return table[:2], table[2]


def refuse_cycles(term_ids: Sequence[str], edges: Edges) -> None:
    """Raise `OntologyError` naming the terms of a cycle, if the edges have one."""
    child, parent = edges
    while len(child):
        # Edges to a parent that has itself no parent left cannot be part of a cycle.
        has_parent = np.zeros(len(term_ids), dtype=bool)
        has_parent[child] = True
        keep = has_parent[parent]
        if keep.all():
            raise OntologyError(_cycle_message(term_ids, np.stack([child, parent])))
        child, parent = child[keep], parent[keep]


def _cycle_message(term_ids: Sequence[str], edges: Edges) -> str:
    import networkx

    graph: networkx.DiGraph[int] = networkx.DiGraph(zip(*edges.tolist(), strict=True))
    cycle = [child for child, _ in networkx.find_cycle(graph)]
    start = cycle.index(min(cycle))
    names = [term_ids[row] for row in cycle[start:] + cycle[:start]]
    return (
        f"the relations form a cycle: {' -> '.join([*names, names[0]])}; "
        "remove one of these relations, or use go-basic.obo, which has no cycle"
    )


def shortest_depth(terms: int, edges: Edges) -> NDArray[np.int64]:
    """int64 [term]: fewest edges up to a term without a parent."""
    child, parent = edges
    depth = np.full(terms, terms, dtype=np.int64)
    depth[np.setdiff1d(np.arange(terms), child)] = 0
    while True:
        shorter = depth.copy()
        np.minimum.at(shorter, child, depth[parent] + 1)
        if np.array_equal(shorter, depth):
            return depth
        depth = shorter


def closure(terms: int, edges: Edges) -> csr_array:
    """Bool [term, term]: row t marks t itself and all terms that can be reached from it."""
    from scipy.sparse import csr_array, eye_array

    ones = np.ones(edges.shape[1], dtype=bool)
    parents = csr_array((ones, (edges[0], edges[1])), shape=(terms, terms), dtype=bool)
    itself = csr_array(eye_array(terms, dtype=bool, format="csr"))
    reached = itself
    while True:
        further = (parents @ reached + itself).tocsr()
        if further.nnz == reached.nnz:
            further.sort_indices()
            for part in (further.data, further.indices, further.indptr):
                part.flags.writeable = False
            return further
        reached = further
