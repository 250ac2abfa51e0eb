"""Ways to score GO terms for proteins, side by side: the model, frequency alone, neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.go_function import score_matrix
from multiprot.ontology import GeneOntology
from multiprot.search.annotation_transfer import TransferOptions, transfer_terms
from multiprot.search.index import NeighbourIndex
from multiprot.search.lookup import Lookup
from multiprot.search.vectors import VectorStore
from multiprot.search.zero_shot.annotator import Annotator
from multiprot.search.zero_shot.proteins import ProteinVectors

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class ScoringMethod(Protocol):
    """Gives every protein scores of terms."""

    def __call__(self, part: ProteinVectors) -> csr_array:
        """float64 [protein, ontology term], from 0 to 1."""


class ModelScores:
    """Probabilities of an annotator.

    Parameters
    ----------
    annotator
        The model.
    ontology
        Whose rows are the columns; it must know the annotator's terms.
    """

    def __init__(self, annotator: Annotator, ontology: GeneOntology) -> None:
        self._annotator = annotator
        self._columns = _Columns(annotator.term_ids, ontology)

    def __call__(self, part: ProteinVectors) -> csr_array:
        """As `ScoringMethod` says."""
        return self._columns.spread(self._annotator.probabilities(part.vectors))


class FrequencyScores:
    """The same for every protein: how frequent each learnt term was in training (CAFA's naive)."""

    def __init__(self, annotator: Annotator, ontology: GeneOntology) -> None:
        self._frequencies = annotator.learnt.frequencies
        self._columns = _Columns(annotator.learnt.term_ids, ontology)

    def __call__(self, part: ProteinVectors) -> csr_array:
        """As `ScoringMethod` says."""
        everyone = np.repeat(self._frequencies[:, None], len(part.ids), axis=1)
        return self._columns.spread(everyone)


class NeighbourScores:
    """Confidences of terms that the nearest proteins of a store pass on.

    Parameters
    ----------
    store
        In the same space as the queries.
    lookups
        What its proteins pass on.
    ontology
        Whose rows are the columns.
    k
        Neighbours that are asked.
    """

    def __init__(
        self,
        store: VectorStore,
        lookups: Sequence[Lookup],
        ontology: GeneOntology,
        *,
        k: int = 10,
    ) -> None:
        self._index = NeighbourIndex.build(store, metric="cosine")
        self._lookups, self._ontology = lookups, ontology
        self._options = TransferOptions(k=k)

    def __call__(self, part: ProteinVectors) -> csr_array:
        """As `ScoringMethod` says."""
        answers = transfer_terms(self._index, self._lookups, part.ids, part.vectors, self._options)
        # Sums of cosines over k may exceed 1 by a rounding.
        told = ({term.term: min(term.confidence, 1.0) for term in terms} for terms in answers)
        return score_matrix(told, self._ontology)


class _Columns:
    """Where terms stand in an ontology; of two that are one term there the higher value counts."""

    def __init__(self, term_ids: Sequence[str], ontology: GeneOntology) -> None:
        columns = np.array([ontology.row(term_id) for term_id in term_ids], dtype=np.int64)
        self._order = np.argsort(columns, kind="stable")
        self._columns, self._starts = np.unique(columns[self._order], return_index=True)
        self._width = len(ontology)

    def spread(self, values: NDArray[np.float64]) -> csr_array:
        """float64 [protein, ontology term], of values [term, protein]."""
        from scipy.sparse import csr_array

        merged = np.maximum.reduceat(values[self._order], self._starts, axis=0).T
        proteins, terms = merged.shape
        offsets = np.arange(proteins + 1) * terms
        columns = np.tile(self._columns, proteins)
        return csr_array((merged.ravel(), columns, offsets), shape=(proteins, self._width))
