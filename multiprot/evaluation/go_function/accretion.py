"""Information accretion: what a term says beyond its parents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.go_function.namespace_graph import NamespaceGraph, namespace_graphs
from multiprot.ontology import GeneOntology, term_counts

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_PROTEINS_AT_ONCE: Final = 4096


def information_accretion(
    annotated: csr_array, ontology: GeneOntology, *, pseudocount: float = 0.0
) -> NDArray[np.float64]:
    """Information accretion -log2 P(term | all its parents) of every term, in bits.

    P is the share of proteins with the term among the proteins with all its parents; of a term
    without a parent, among the proteins with any term of its namespace. The sum over the terms of
    a protein is the information content of its annotation.

    Parameters
    ----------
    annotated
        Bool [protein, term]: annotation of many proteins, propagated or not; usually not those
        that are evaluated.
    ontology
        is_a and part_of within a namespace are followed.
    pseudocount
        Proteins added to both counts: with 1, a term that no protein has gets a finite value.

    Returns
    -------
    ndarray
        float64 [term]; never negative; infinite where no protein has the term.

    Raises
    ------
    EvaluationError
        If the matrix does not fit the ontology, or pseudocount is negative.

    References
    ----------
    Clark & Radivojac, *Information-theoretic evaluation of predicted ontological annotations*,
    Bioinformatics 29 (2013).
    """
    if pseudocount < 0:
        raise EvaluationError(f"pseudocount {pseudocount} is negative; use 0 or more")
    if annotated.shape[1] != len(ontology):
        raise EvaluationError(
            f"the matrix has {annotated.shape[1]} columns, the ontology {len(ontology)} terms; "
            "make it with term_matrix and the same ontology"
        )
    accretion = np.full(len(ontology), np.inf)
    for graph in namespace_graphs(ontology).values():
        true = graph.ancestors_too(annotated)
        having = term_counts(true) + pseudocount
        possible = _with_all_parents(true, graph) + pseudocount
        with np.errstate(divide="ignore"):
            accretion[graph.rows[having > 0]] = np.log2(possible[having > 0] / having[having > 0])
    return accretion


def _with_all_parents(true: csr_array, graph: NamespaceGraph) -> NDArray[np.int64]:
    """int64 [term]: proteins that have all parents of each term."""
    from scipy.sparse import csr_array

    child, parent = graph.edges
    terms = len(graph.rows)
    ones = np.ones(len(child), dtype=np.int32)
    children = csr_array((ones, (parent, child)), shape=(terms, terms))
    parents = np.bincount(child, minlength=terms)
    counts = np.zeros(terms, dtype=np.int64)
    for start in range(0, true.shape[0], _PROTEINS_AT_ONCE):
        held = true[start : start + _PROTEINS_AT_ONCE].astype(np.int32) @ children
        complete = held.indices[held.data == parents[held.indices]]
        counts += np.bincount(complete, minlength=terms)
    counts[graph.is_root] = np.count_nonzero(np.diff(true.indptr))
    return counts
