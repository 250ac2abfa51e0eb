"""What is known of proteins whose terms are predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import SearchError
from multiprot.ontology import NAMESPACES, GeneOntology, read_annotations, term_matrix
from multiprot.search.lookup import AnnotationSource, annotated_names

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KnownTerms:
    """Annotation of many proteins under the true path rule.

    Attributes
    ----------
    ontology
        What it is written in.
    names
        Protein -> row of `true`, as the file names proteins.
    true
        Bool [protein, ontology term].
    """

    ontology: GeneOntology
    names: dict[str, int]
    true: csr_array

    def rows_of(self, protein_ids: Sequence[str]) -> NDArray[np.int64]:
        """int64 [protein]: rows of `true`, -1 for proteins that have none."""
        called = annotated_names(protein_ids, self.names)
        return np.array([self.names.get(name, -1) for name in called], dtype=np.int64)

    def true_of(self, protein_ids: Sequence[str]) -> csr_array:
        """Bool [protein, ontology term]; empty rows for proteins without annotation."""
        from scipy.sparse import csr_array

        rows = self.rows_of(protein_ids)
        there = np.flatnonzero(rows >= 0)
        ones = np.ones(len(there), dtype=bool)
        places = csr_array((ones, (there, rows[there])), shape=(len(rows), len(self.names)))
        return (places @ self.true).tocsr()

    def columns(self, term_ids: Sequence[str]) -> NDArray[np.int64]:
        """int64 [term]: columns of `true`; raises `OntologyError` if one is not in the ontology."""
        return np.array([self.ontology.row(term_id) for term_id in term_ids], dtype=np.int64)

    def of(
        self, protein_ids: Sequence[str], columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """What is true of some proteins, and where anything is known.

        Parameters
        ----------
        protein_ids
            The proteins.
        columns
            int64 [term]: the terms, see `columns`.

        Returns
        -------
        tuple of ndarray
            bool [term, protein]; and bool [namespace, protein]: it has a term that is no root.
        """
        true = self.true_of(protein_ids)
        annotated = np.stack([true @ of_space > 0 for of_space in self._informative()])
        return np.asarray(true[:, columns].toarray().T), annotated

    def _informative(self) -> NDArray[np.bool_]:
        """bool [namespace, ontology term]: terms that are no roots, by namespace."""
        informative = np.ones(len(self.ontology), dtype=bool)
        informative[[self.ontology.row(root) for root in self.ontology.roots]] = False
        spaces = np.asarray(self.ontology.namespace_index)
        return np.stack([informative & (spaces == n) for n in range(len(NAMESPACES))])


def known_terms(source: AnnotationSource) -> KnownTerms:
    """All that an annotation file says.

    Parameters
    ----------
    source
        With an ontology; its namespaces are not looked at.

    Raises
    ------
    SearchError
        If the source has no ontology.
    FileFormatError, OntologyError
        As `read_annotations`.
    """
    if source.ontology is None:
        raise SearchError(f"{source.path}: needs an ontology to be read by; give one")
    annotations = read_annotations(
        source.path,
        source.ontology,
        evidence=source.evidence,
        on_unknown=source.on_unusable,
        on_obsolete=source.on_unusable,
        on_wrong_namespace=source.on_unusable,
    )
    names = {name: row for row, name in enumerate(sorted(annotations.terms))}
    sets = (annotations.terms[name] for name in names)
    return KnownTerms(
        ontology=source.ontology, names=names, true=term_matrix(sets, source.ontology)
    )
