"""One namespace of GO as CAFA sees it: its own terms, and is_a and part_of between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.ontology import NAMESPACES, RELATIONS, GeneOntology, Namespace
from multiprot.ontology.topology import closure

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_FOLLOWED: Final = tuple(RELATIONS.index(relation) for relation in ("is_a", "part_of"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamespaceGraph:
    """Terms of one namespace; relations to other namespaces are left out.

    Attributes
    ----------
    namespace
        Which.
    rows
        int64 [term]: rows of the terms in the ontology, ascending. A position is a place here.
    edges
        int64 [2, edge]: positions of child and parent, each pair once. An edge stands behind all
        edges that end in its child.
    closure
        Bool [term, term]: row t marks t and all its ancestors.
    is_root
        Bool [term]: without a parent in this namespace.
    """

    namespace: Namespace
    rows: NDArray[np.int64]
    edges: NDArray[np.int64]
    closure: csr_array
    is_root: NDArray[np.bool_]

    def ancestors_too(self, stated: csr_array) -> csr_array:
        """Bool [protein, term of this namespace]: what is true by the true path rule.

        Parameters
        ----------
        stated
            Bool [protein, term of the ontology].
        """
        true = (stated[:, self.rows].astype(bool) @ self.closure).tocsr()
        true.sort_indices()
        return true


def namespace_graphs(ontology: GeneOntology) -> dict[Namespace, NamespaceGraph]:
    """The graph of each namespace that has terms, in the order of `NAMESPACES`."""
    graphs = (_graph(ontology, index) for index in range(len(NAMESPACES)))
    return {graph.namespace: graph for graph in graphs if len(graph.rows)}


def _graph(ontology: GeneOntology, index: int) -> NamespaceGraph:
    rows = np.flatnonzero(ontology.namespace_index == index)
    inside = ontology.namespace_index[ontology.edges] == index
    followed = inside.all(axis=0) & np.isin(ontology.edge_relations, _FOLLOWED)
    edges = np.unique(np.searchsorted(rows, ontology.edges[:, followed]), axis=1)
    above = closure(len(rows), edges)
    # A child has all ancestors of its parent, and the parent beside: more of them is further down.
    order = np.argsort(-np.diff(above.indptr)[edges[0]], kind="stable")
    is_root = np.ones(len(rows), dtype=bool)
    is_root[edges[0]] = False
    return NamespaceGraph(
        namespace=NAMESPACES[index],
        rows=rows,
        edges=edges[:, order],
        closure=above,
        is_root=is_root,
    )
