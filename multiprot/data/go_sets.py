"""GO terms that a model reads: of each protein of a corpus, the most specific ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from multiprot.data.corpus import Corpus
from multiprot.data.term_tables import propagated_terms
from multiprot.encoders.contract import NO_TERM, GoSet
from multiprot.ontology import GeneOntology


@dataclass(frozen=True, slots=True, eq=False)
class GoSets:
    """Sets of terms, protein by protein.

    A term is left out where the protein has a more specific one: what is hidden of a set must not
    be told by its own descendants or ancestors. Roots and denied terms are left out, too.

    Attributes
    ----------
    terms
        int64: rows of `GeneOntology.term_ids`, protein after protein, ascending within each.
    offsets
        int64 [protein + 1]: where each protein's terms begin.
    counts
        int64 [ontology term]: in how many train proteins' sets it is.
    """

    terms: NDArray[np.int64]
    offsets: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def from_corpus(cls, corpus: Corpus, ontology: GeneOntology) -> Self:
        """Sets of all proteins of `corpus`.

        Raises
        ------
        UnknownTermError
            If a term of the corpus is not in `ontology`.
        """
        kept = np.ones(len(ontology), dtype=np.int32)
        kept[[ontology.row(root) for root in ontology.roots]] = 0
        true = sparse.csr_array(propagated_terms(corpus, ontology).multiply(kept))
        # How many terms of the protein are this one or a descendant of it: itself alone.
        within = true.multiply(true @ ontology.closure.astype(np.int32))
        leaves = sparse.csr_array(within == 1)
        leaves.sort_indices()
        counts = np.asarray(leaves[corpus.splits == "train"].sum(axis=0)).ravel()
        return cls(
            leaves.indices.astype(np.int64),
            leaves.indptr.astype(np.int64),
            counts.astype(np.int64),
        )

    def of(self, rows: NDArray[np.int64], shown: Sequence[bool]) -> GoSet:
        """The sets of some proteins.

        Parameters
        ----------
        rows
            Corpus rows.
        shown
            Whether each protein's terms are given; else its set is empty.
        """
        parts = [
            self.terms[self.offsets[row] : self.offsets[row + 1]] if has else self.terms[:0]
            for row, has in zip(rows, shown, strict=True)
        ]
        slots = max(1, *(len(part) for part in parts))
        table = np.full((len(parts), slots), NO_TERM, dtype=np.int64)
        for row, part in zip(table, parts, strict=True):
            row[: len(part)] = part
        terms = torch.from_numpy(table)
        return GoSet(terms, terms, torch.zeros_like(terms, dtype=torch.bool))
