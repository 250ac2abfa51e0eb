"""Information content of terms: how much a protein's having a term says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import OntologyError
from multiprot.ontology.graph import GeneOntology
from multiprot.ontology.namespace import NAMESPACES

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def term_counts(propagated: csr_array) -> NDArray[np.int64]:
    """int64 [term]: proteins that have each term, of a bool matrix [protein, term]."""
    return np.bincount(propagated.indices, minlength=propagated.shape[1]).astype(np.int64)


def information_content(
    propagated: csr_array, ontology: GeneOntology, *, pseudocount: float = 0.0
) -> NDArray[np.float64]:
    """Information content -log2 p of every term, in bits.

    p is the share of proteins with the term among the proteins with any term of the same namespace
    (in GO: with its root), so that values of different namespaces must not be compared.

    Parameters
    ----------
    propagated
        Bool [protein, term] under the true path rule, see `term_matrix`.
    ontology
        Gives the namespaces.
    pseudocount
        Proteins added to both counts: with 1, a term that no protein has gets a finite value.

    Returns
    -------
    ndarray
        float64 [term]; never negative, never less than that of an ancestor in the same namespace;
        infinite where the count is zero.

    Raises
    ------
    OntologyError
        If the matrix does not fit the ontology or is not propagated, or pseudocount is negative.
    """
    if pseudocount < 0:
        raise OntologyError(f"pseudocount {pseudocount} is negative; use 0 or more")
    counts = _checked_counts(propagated, ontology)
    totals = np.array(
        [_proteins_with(propagated, ontology.namespace_index == n) for n in range(len(NAMESPACES))]
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (counts + pseudocount) / (totals[ontology.namespace_index] + pseudocount)
        content = -np.log2(share)
    # Neither term nor namespace was ever seen: 0 / 0, as unknown as any other unseen term.
    content[np.isnan(content)] = np.inf
    # -log2(1) is minus zero.
    return np.asarray(np.abs(content))


def intrinsic_information(ontology: GeneOntology) -> NDArray[np.float64]:
    """Information content of every term told from the graph alone, after Seco et al. (2004).

    1 - log(d + 1) / log(n), where d terms of the term's own namespace lie below it and the
    namespace has n terms: 0 at a root that all others lie below, 1 at a term without descendants.

    Returns
    -------
    ndarray
        float64 [term], from 0 to 1; never less than that of an ancestor in the same namespace, and
        0 for the only term of a namespace.

    References
    ----------
    Seco, Veale & Hayes, *An intrinsic information content metric for semantic similarity in
    WordNet*, ECAI 2004.
    """
    spaces = ontology.namespace_index
    closure = ontology.closure.tocoo()
    below, above = closure.coords
    same = spaces[below] == spaces[above]
    # The closure holds every term itself, which is the formula's + 1.
    family = np.bincount(above[same], minlength=len(ontology))
    sizes = np.bincount(spaces, minlength=len(NAMESPACES))[spaces]
    return np.where(sizes > 1, 1.0 - np.log(family) / np.log(np.maximum(sizes, 2)), 0.0)


def _checked_counts(propagated: csr_array, ontology: GeneOntology) -> NDArray[np.int64]:
    """int64 [term]: `term_counts`, if the matrix is one of this ontology and propagated."""
    if propagated.shape[1] != len(ontology):
        raise OntologyError(
            f"the matrix has {propagated.shape[1]} columns, the ontology {len(ontology)} terms; "
            "make it with term_matrix and the same ontology"
        )
    counts = term_counts(propagated)
    child, parent = ontology.edges
    if (counts[child] > counts[parent]).any():
        raise OntologyError(
            "a term is more frequent than its parent, so the matrix is not propagated; "
            "make it with term_matrix(..., propagate=True)"
        )
    return counts


def _proteins_with(propagated: csr_array, terms: NDArray[np.bool_]) -> int:
    """Number of proteins with at least one of the marked terms."""
    return int(np.count_nonzero(propagated @ terms))
