"""Sets of terms of many proteins as sparse matrices over the rows of an ontology."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from multiprot.ontology.graph import GeneOntology

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def term_matrix(
    term_sets: Iterable[Iterable[str]], ontology: GeneOntology, *, propagate: bool = True
) -> csr_array:
    """Bool [protein, term]: which terms are true of each protein.

    Parameters
    ----------
    term_sets
        One set of GO ids per protein; alternative and replaced ids are mapped.
    ontology
        Gives the rows of terms.
    propagate
        True path rule: also mark all ancestors.

    Returns
    -------
    csr_array
        Bool [protein, term], indices sorted, no stored False.
    """
    from scipy.sparse import csr_array

    rows = [sorted({ontology.row(term) for term in terms}) for terms in term_sets]
    offsets = np.cumsum([0, *map(len, rows)])
    columns = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=int(offsets[-1]))
    ones = np.ones(len(columns), dtype=bool)
    stated = csr_array((ones, columns, offsets), shape=(len(rows), len(ontology)))
    return _sorted(stated @ ontology.closure) if propagate else stated


def denied_matrix(term_sets: Iterable[Iterable[str]], ontology: GeneOntology) -> csr_array:
    """Bool [protein, term]: which terms are false of each protein, given those denied by a NOT.

    A denied term denies all its descendants.
    """
    stated = term_matrix(term_sets, ontology, propagate=False)
    return _sorted((stated @ ontology.closure.T).tocsr())


def _sorted(matrix: csr_array) -> csr_array:
    matrix.sort_indices()
    return matrix
