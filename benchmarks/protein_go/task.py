"""The GO task of a corpus, by namespace: terms, truth, and who is tested."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from multiprot.data import Corpus, GoLabels
from multiprot.errors import DataError
from multiprot.ontology import NAMESPACES, GeneOntology, Namespace

GROUPS = ("structure", "sequence-only")
"""Test proteins with and without a structure in the corpus; never mixed in one figure."""


@dataclass(frozen=True, slots=True)
class GoTask:
    """One namespace. Rows are rows of the corpus, columns are `terms`.

    Attributes
    ----------
    namespace
        Which of the three.
    terms
        int64 [term]: rows of the ontology; true of at least ten train proteins, root left out.
    term_ids
        GO ids of `terms`.
    truth
        bool csr [protein of the corpus, term], propagated.
    train, valid
        int64: corpus rows that have a term of `terms`.
    test
        The same for the test split, by group.
    closure
        bool csr [term, term]: row t marks t and its ancestors among `terms`.
    """

    namespace: Namespace
    terms: NDArray[np.int64]
    term_ids: tuple[str, ...]
    truth: scipy.sparse.csr_array
    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: dict[str, NDArray[np.int64]]
    closure: scipy.sparse.csr_array

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """float64 [term]: share of the annotated train proteins for which each term is true."""
        return np.asarray(self.truth[self.train].mean(axis=0)).ravel()

    def labels(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Dense truth of some corpus rows: bool [protein, term]."""
        return np.asarray(self.truth[rows].toarray(), dtype=np.bool_)

    def leaves(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """The most specific true terms: bool [protein, term], no true term lies below them."""
        truth = self.truth[rows]
        strictly_above = self.closure - scipy.sparse.eye_array(len(self.terms), dtype=bool)
        has_true_descendant = (truth.astype(np.int32) @ strictly_above.astype(np.int32)) > 0
        return np.asarray(self.labels(rows) & ~has_true_descendant.toarray())

    def propagate(self, scores: NDArray[np.floating]) -> NDArray[np.floating]:
        """Raise every term's score to the best score below it (true-path rule)."""
        raised = np.empty_like(scores)
        descendants = self.closure.T.tocsr()
        for term in range(len(self.terms)):
            start, stop = descendants.indptr[term : term + 2]
            raised[:, term] = scores[:, descendants.indices[start:stop]].max(axis=1)
        return raised


def go_tasks(corpus: Corpus, min_proteins: int = 10) -> list[GoTask]:
    """The three tasks of a corpus that has GO, in the order of `NAMESPACES`."""
    ontology = corpus.ontology
    if ontology is None:
        raise DataError(f"{corpus.path}: the corpus has no GO; build it with --ontology")
    labels = GoLabels.from_corpus(corpus, min_proteins=min_proteins)
    return [_task(corpus, ontology, labels, index) for index in range(len(NAMESPACES))]


def _task(corpus: Corpus, ontology: GeneOntology, labels: GoLabels, index: int) -> GoTask:
    columns = np.flatnonzero(labels.namespaces == index)
    truth = scipy.sparse.csr_array(labels.positive[:, columns])
    annotated = np.diff(truth.indptr) > 0
    terms = labels.terms[columns]
    held_out = annotated & (corpus.splits == "test")
    return GoTask(
        namespace=NAMESPACES[index],
        terms=terms,
        term_ids=tuple(ontology.term_ids[row] for row in terms),
        truth=truth,
        train=np.flatnonzero(annotated & (corpus.splits == "train")),
        valid=np.flatnonzero(annotated & (corpus.splits == "valid")),
        test={
            "structure": np.flatnonzero(held_out & corpus.has_structure),
            "sequence-only": np.flatnonzero(held_out & ~corpus.has_structure),
        },
        closure=scipy.sparse.csr_array(ontology.closure[terms][:, terms]),
    )
