"""Semantic similarity of terms and of proteins, whole matrices at a time: Resnik, Lin, simGIC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import OntologyError
from multiprot.ontology.graph import GeneOntology
from multiprot.ontology.matrix import term_matrix
from multiprot.ontology.namespace import NAMESPACES, Namespace

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Measure = Literal["resnik", "lin"]
Floats = NDArray[np.float64]

_CHUNK: Final = 512
"""Proteins of the second axis worked on at once: bounds memory and keeps it in cache."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SemanticSimilarity:
    """Similarities under one ontology and one information content.

    Attributes
    ----------
    ontology
        Gives common ancestors; two terms are compared only through ancestors in their own
        namespace.
    information
        float64 [term], bits; see `information_content`.
    """

    ontology: GeneOntology
    information: Floats

    def __post_init__(self) -> None:
        if self.information.shape != (len(self.ontology),):
            raise OntologyError(
                f"information has shape {self.information.shape}, the ontology "
                f"{len(self.ontology)} terms; compute it with the same ontology"
            )

    def resnik(self, first: Sequence[str], second: Sequence[str]) -> Floats:
        """Resnik similarity: information of the most informative common ancestor, in bits.

        Returns
        -------
        ndarray
            float64 [first, second]; NaN for two terms of different namespaces, 0 if they have no
            ancestor in common.

        Raises
        ------
        OntologyError
            If a term has infinite information (no protein has it).
        """
        return self._terms(self._rows(first), self._rows(second), "resnik")

    def lin(self, first: Sequence[str], second: Sequence[str]) -> Floats:
        """Lin similarity: twice Resnik's over the sum of both terms' information.

        Returns
        -------
        ndarray
            float64 [first, second], 0 to 1; 1 for a term and itself, also for a root; NaN for two
            terms of different namespaces.

        Raises
        ------
        OntologyError
            If a term has infinite information (no protein has it).
        """
        return self._terms(self._rows(first), self._rows(second), "lin")

    def best_match_average(
        self,
        first: Sequence[frozenset[str]],
        second: Sequence[frozenset[str]],
        namespace: Namespace,
        *,
        measure: Measure = "lin",
    ) -> Floats:
        """Protein similarity: mean, over the terms of both, of each term's best match in the other.

        Parameters
        ----------
        first, second
            Terms per protein as annotated; ancestors need not be among them.
        namespace
            Only terms of it are looked at.
        measure
            Similarity of two terms.

        Returns
        -------
        ndarray
            float64 [first, second]; NaN where a protein has no term in the namespace.
        """
        rows = np.flatnonzero(self._mask(namespace))
        left = term_matrix(first, self.ontology, propagate=False)[:, rows]
        right = term_matrix(second, self.ontology, propagate=False)[:, rows]
        left_used, right_used = np.unique(left.indices), np.unique(right.indices)
        terms = self._terms(rows[left_used], rows[right_used], measure)
        left, right = left[:, left_used].tocsr(), right[:, right_used].tocsr()
        total = left @ _best(terms, right) + (right @ _best(terms.T, left)).T
        sizes = np.diff(left.indptr)[:, None] + np.diff(right.indptr)[None, :]
        empty = (np.diff(left.indptr) == 0)[:, None] | (np.diff(right.indptr) == 0)[None, :]
        return np.where(empty, np.nan, total / np.maximum(sizes, 1))

    def simgic(
        self,
        first: Sequence[frozenset[str]],
        second: Sequence[frozenset[str]],
        namespace: Namespace | None = None,
    ) -> Floats:
        """Protein similarity simGIC: shared information over joint information of both term sets.

        Parameters
        ----------
        first, second
            Terms per protein; ancestors are added.
        namespace
            Only terms of it are looked at; None for all.

        Returns
        -------
        ndarray
            float64 [first, second], 0 to 1; NaN where neither protein has any informative term.
        """
        informative = self.information > 0
        if namespace is not None:
            informative = informative & self._mask(namespace)
        left = term_matrix(first, self.ontology)
        right = left if second is first else term_matrix(second, self.ontology)
        for matrix in (left, right):
            self._require_finite(np.unique(matrix.indices))
        columns = np.flatnonzero(informative)
        columns = columns[np.isin(columns, np.union1d(left.indices, right.indices))]
        return _weighted_jaccard(left[:, columns], right[:, columns], self.information[columns])

    def _rows(self, terms: Sequence[str]) -> NDArray[np.int64]:
        return np.array([self.ontology.row(term) for term in terms], dtype=np.int64)

    def _mask(self, namespace: Namespace) -> NDArray[np.bool_]:
        return np.asarray(self.ontology.namespace_index == NAMESPACES.index(namespace))

    def _require_finite(self, rows: NDArray[np.int64]) -> None:
        unseen = rows[~np.isfinite(self.information[rows])]
        if len(unseen):
            raise OntologyError(
                f"{self.ontology.term_ids[unseen[0]]} has no information content, because no "
                f"protein behind it has the term ({len(unseen)} terms of this kind); compute it "
                "from more proteins or with pseudocount=1"
            )

    def _terms(
        self, first: NDArray[np.int64], second: NDArray[np.int64], measure: Measure
    ) -> Floats:
        """float64 [first, second] over rows of terms."""
        self._require_finite(np.union1d(first, second))
        spaces = self.ontology.namespace_index
        other = spaces[first][:, None] != spaces[second][None, :]
        # Terms of different namespaces may share ancestors through part_of; NaN replaces those.
        shared = self._most_informative(first, second)
        if measure == "lin":
            own = self.information[first][:, None] + self.information[second][None, :]
            same = (first[:, None] == second[None, :]).astype(np.float64)
            shared = np.divide(2 * shared, own, out=same, where=own > 0)
        return np.where(other, np.nan, shared)

    def _most_informative(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> Floats:
        """float64 [first, second]: highest information of a common ancestor, 0 without one."""
        above_first = self.ontology.closure[first].tocsc()
        above_second = self.ontology.closure[second].tocsc()
        both = np.diff(above_first.indptr).astype(bool) & np.diff(above_second.indptr).astype(bool)
        ancestors = np.flatnonzero(both & (self.information > 0))
        result = np.zeros((len(first), len(second)))
        spaces = self.ontology.namespace_index
        # In ascending order of information, so that the last word is the most informative one.
        for ancestor in ancestors[np.argsort(self.information[ancestors], kind="stable")]:
            below_first = _column(above_first, ancestor)
            below_second = _column(above_second, ancestor)
            below_first = below_first[spaces[first[below_first]] == spaces[ancestor]]
            below_second = below_second[spaces[second[below_second]] == spaces[ancestor]]
            result[np.ix_(below_first, below_second)] = self.information[ancestor]
        return result


def _column(matrix: csr_array, column: int) -> NDArray[np.int64]:
    found: NDArray[np.int64] = matrix.indices[matrix.indptr[column] : matrix.indptr[column + 1]]
    return found


def _best(terms: Floats, proteins: csr_array) -> Floats:
    """float64 [term, protein]: each term's best match among a protein's terms; 0 if it has none.

    `terms` is [term, used], `proteins` bool [protein, used].
    """
    best = np.zeros((terms.shape[0], proteins.shape[0]))
    for protein in range(proteins.shape[0]):
        columns = proteins.indices[proteins.indptr[protein] : proteins.indptr[protein + 1]]
        if len(columns):
            best[:, protein] = terms[:, columns].max(axis=1)
    return best


def _weighted_jaccard(left: csr_array, right: csr_array, weights: Floats) -> Floats:
    """float64 [left, right]: weight of the columns in both over weight of those in either."""
    weighted = left.multiply(weights[None, :]).tocsr()
    left_total = left @ weights
    right_total = right @ weights
    result = np.empty((left.shape[0], right.shape[0]))
    for start in range(0, right.shape[0], _CHUNK):
        part = slice(start, start + _CHUNK)
        shared = weighted @ right[part].astype(np.float64).T.toarray()
        either = left_total[:, None] + right_total[None, part] - shared
        with np.errstate(invalid="ignore"):
            result[:, part] = shared / either
    return result
