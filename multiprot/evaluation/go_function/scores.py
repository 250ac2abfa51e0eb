"""Scores of terms: from a predictor's lists to a matrix, and up to all ancestors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.go_function.namespace_graph import NamespaceGraph, namespace_graphs
from multiprot.ontology import GeneOntology

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_PROTEINS_AT_ONCE: Final = 128
"""With 28,000 terms of a namespace 29 MB of scores."""


def score_matrix(predictions: Iterable[Mapping[str, float]], ontology: GeneOntology) -> csr_array:
    """Scores of many proteins, not propagated.

    Parameters
    ----------
    predictions
        Of each protein: GO id -> score from 0 to 1; alternative and replaced ids are mapped. Of
        two ids that are one term now the higher score counts.
    ontology
        Gives the rows of terms.

    Returns
    -------
    csr_array
        float64 [protein, term].

    Raises
    ------
    EvaluationError
        If a score is not from 0 to 1; names the protein's number and the term.
    OntologyError
        If an id is not known or obsolete.
    """
    from scipy.sparse import csr_array

    columns: list[int] = []
    values: list[float] = []
    offsets = [0]
    for number, terms in enumerate(predictions):
        best: dict[int, float] = {}
        for term, score in terms.items():
            if not 0 <= score <= 1:
                raise EvaluationError(
                    f"score {score} of {term} for protein number {number} is not from 0 to 1; "
                    "give probabilities or confidences"
                )
            row = ontology.row(term)
            best[row] = max(score, best.get(row, 0.0))
        columns.extend(best)
        values.extend(best.values())
        offsets.append(len(columns))
    matrix = csr_array(
        (np.array(values, np.float64), np.array(columns, np.int64), offsets),
        shape=(len(offsets) - 1, len(ontology)),
    )
    matrix.sort_indices()
    return matrix


def checked_scores(scores: csr_array | NDArray[Any], proteins: int, terms: int) -> csr_array:
    """Scores as float64 [protein, term], sparse, if they fit and are from 0 to 1."""
    from scipy.sparse import csr_array

    matrix = csr_array(scores, dtype=np.float64)
    if matrix.shape != (proteins, terms):
        raise EvaluationError(
            f"scores have the shape {list(matrix.shape)}, expected {[proteins, terms]}: a row for "
            "each protein and a column for each term of the ontology; make them with score_matrix"
        )
    # NaN is not within any bounds.
    if not ((matrix.data >= 0) & (matrix.data <= 1)).all():
        raise EvaluationError("some scores are not from 0 to 1; give probabilities or confidences")
    return matrix


def propagated_scores(scores: csr_array | NDArray[Any], ontology: GeneOntology) -> csr_array:
    """Each term's highest score among itself and its descendants of the same namespace.

    Parameters
    ----------
    scores
        float [protein, term], sparse or dense, from 0 to 1.
    ontology
        is_a and part_of within a namespace are followed, as CAFA does.

    Returns
    -------
    csr_array
        float64 [protein, term], without stored zeros.

    Raises
    ------
    EvaluationError
        If scores do not fit the ontology or are not from 0 to 1.
    """
    from scipy.sparse import coo_array

    matrix = checked_scores(scores, scores.shape[0], len(ontology))
    places, values = [np.zeros((2, 0), np.int64)], [np.zeros(0)]
    for graph in namespace_graphs(ontology).values():
        for start, block in propagated_blocks(matrix, graph):
            term, protein = np.nonzero(block)
            places.append(np.stack([protein + start, graph.rows[term]]))
            values.append(block[term, protein])
    proteins, terms = np.concatenate(places, axis=1)
    together = coo_array((np.concatenate(values), (proteins, terms)), shape=matrix.shape)
    return together.tocsr()


def propagated_blocks(
    scores: csr_array, graph: NamespaceGraph
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """First protein and propagated scores, float64 [term of the namespace, protein], in blocks."""
    within = scores[:, graph.rows].tocsr()
    for start in range(0, within.shape[0], _PROTEINS_AT_ONCE):
        part = within[start : start + _PROTEINS_AT_ONCE]
        block = np.ascontiguousarray(part.toarray().T)
        _propagate(block, graph)
        yield start, block


def _propagate(block: NDArray[np.float64], graph: NamespaceGraph) -> None:
    """Raise each parent to its children, in place, children first."""
    scored = block.any(axis=1)
    reached = scored | ((scored.astype(np.int64) @ graph.closure) > 0)
    for child, parent in graph.edges[:, reached[graph.edges[0]]].T.tolist():
        np.maximum(block[parent], block[child], out=block[parent])
