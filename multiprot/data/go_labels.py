"""GO terms of a corpus as a sparse table: propagated, with what is known and what is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from multiprot.data.corpus import Corpus
from multiprot.data.term_tables import known_namespaces, propagated_terms
from multiprot.encoders.contract import GoTargets
from multiprot.errors import DataError
from multiprot.ontology import GeneOntology


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GoLabels:
    """Which GO terms are true of which protein of a corpus.

    Terms are propagated along `GeneOntology.closure`, also across namespaces. A NOT denies its
    term and all descendants; where an annotation contradicts it, the annotation is dropped whole.
    So a denied term is never positive. `known` is per namespace: a denied term becomes a negative
    only where the protein has some annotation in the term's namespace.

    Attributes
    ----------
    terms
        int64 [term]: the vocabulary, as rows of `GeneOntology.term_ids`, ascending: terms true of
        at least `min_proteins` train proteins, without the roots.
    namespaces
        int64 [term]: index in `multiprot.ontology.NAMESPACES`.
    positive
        bool CSR [protein, term]: the term is true of the protein.
    known
        bool [protein, namespace]: at least one term other than the root, after propagation.
    frequencies
        float32 [ontology term]: share of the train proteins known in the term's namespace of which
        the term is true; 0 for terms that no train protein has.
    """

    terms: NDArray[np.int64]
    namespaces: NDArray[np.int64]
    positive: Any
    known: NDArray[np.bool_]
    frequencies: NDArray[np.float32]

    @classmethod
    def from_corpus(
        cls, corpus: Corpus, *, min_proteins: int = 10, ontology: GeneOntology | None = None
    ) -> Self:
        """Read the annotations of all proteins and propagate them.

        Parameters
        ----------
        corpus
            Its train split decides on vocabulary and frequencies.
        min_proteins
            Train proteins that a term of the vocabulary needs.
        ontology
            Where the terms live; by default the corpus's own.

        Raises
        ------
        DataError
            If there is no ontology, or no term reaches `min_proteins`.
        UnknownTermError
            If a term of the corpus is not in `ontology`.
        """
        ontology = corpus.ontology if ontology is None else ontology
        if ontology is None:
            raise DataError(f"{corpus.path}: the corpus has no GO; build it with --ontology")
        everything = propagated_terms(corpus, ontology)
        known = known_namespaces(everything, ontology)
        train = corpus.splits == "train"
        counts = np.asarray(everything[train].sum(axis=0), dtype=np.int64).ravel()
        roots = [ontology.row(root) for root in ontology.roots]
        candidates = counts >= max(1, min_proteins)
        candidates[roots] = False
        terms = np.flatnonzero(candidates)
        if not len(terms):
            raise DataError(
                f"{corpus.path}: no GO term is true of {min_proteins} train proteins; lower "
                "go_min_proteins"
            )
        proteins = known[train].sum(axis=0)[ontology.namespace_index]
        return cls(
            terms=terms,
            namespaces=np.asarray(ontology.namespace_index)[terms],
            positive=sparse.csr_array(everything[:, terms].astype(np.bool_)),
            known=known,
            frequencies=(counts / np.maximum(proteins, 1)).astype(np.float32),
        )

    def targets(self, rows: NDArray[np.int64], *, only_present: bool = False) -> GoTargets:
        """Targets of the given corpus rows.

        Parameters
        ----------
        rows
            Corpus rows, one per protein of the batch.
        only_present
            Candidates are the terms true of at least one of `rows`, not the whole vocabulary.
        """
        table = self.positive[rows]
        columns = np.unique(table.indices) if only_present else np.arange(len(self.terms))
        positive = np.asarray(table[:, columns].toarray(), dtype=np.bool_)
        return GoTargets(
            torch.from_numpy(self.terms[columns]),
            torch.from_numpy(self.namespaces[columns]),
            torch.from_numpy(positive),
            torch.from_numpy(self.known[rows]),
        )
