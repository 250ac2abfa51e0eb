"""Annotated proteins of a store: what each of them passes on, namespace by namespace."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FileFormatError, OntologyError, SearchError
from multiprot.ontology import (
    NAMESPACES,
    EvidenceFilter,
    GeneOntology,
    read_annotation_rows,
    read_annotations,
    term_matrix,
)
from multiprot.ontology.annotations import Policy
from multiprot.ontology.namespace import ASPECTS

if TYPE_CHECKING:
    from scipy.sparse import csr_array

UNKNOWN: Final = ""
"""Namespace of terms where neither an ontology nor the file's aspect column tells it."""

_UNIPROT: Final = re.compile(r"(?:sp|tr)\|([A-Z0-9]+)\|\S+")
"""How UniProt's FASTA files name a protein that annotation files call by its accession."""


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """One namespace's annotated proteins.

    Attributes
    ----------
    namespace
        Its name, or `UNKNOWN`.
    term_ids
        Terms that some protein of the store has, sorted; no root of an ontology.
    term_names
        Their names, empty without an ontology.
    terms
        Bool [protein of the store, term].
    """

    namespace: str
    term_ids: tuple[str, ...]
    term_names: tuple[str, ...]
    terms: csr_array

    @property
    def annotated(self) -> NDArray[np.bool_]:
        """Bool [protein of the store]: has a term here, so that it may pass some on."""
        return np.asarray(np.diff(self.terms.indptr) > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationSource:
    """Where annotation comes from, and which of it counts.

    Attributes
    ----------
    path
        GAF, GPAD or TSV.
    ontology
        Gives ids their live terms, and terms their ancestors; None: terms as the file has them.
    evidence
        Codes that count.
    on_unusable
        What to do with rows whose term is unknown, obsolete or of another namespace than the row
        says; only with an ontology.
    namespaces
        Those that are wanted; none: all.
    """

    path: Path
    ontology: GeneOntology | None = None
    evidence: EvidenceFilter = field(default_factory=EvidenceFilter)
    on_unusable: Policy = "error"
    namespaces: tuple[str, ...] = ()


def read_lookups(source: AnnotationSource, protein_ids: Sequence[str]) -> list[Lookup]:
    """What the proteins of a store can pass on, one `Lookup` for each namespace that has any.

    Parameters
    ----------
    source
        The annotation.
    protein_ids
        Ids of the store, in its order. One such as "sp|P12345|NAME", which the annotation does not
        have, is looked up as "P12345".

    Returns
    -------
    list of Lookup
        In the order of `NAMESPACES`; proteins without annotation have empty rows.

    Raises
    ------
    SearchError
        If no protein of the store is annotated in a wanted namespace.
    FileFormatError, OntologyError
        As `read_annotations`.
    """
    if source.ontology is None:
        found, named = _as_written(source, protein_ids)
    else:
        found, named = _propagated(source, source.ontology, protein_ids)
    wanted = [
        lookup
        for lookup in found
        if lookup.term_ids and (not source.namespaces or lookup.namespace in source.namespaces)
    ]
    if not wanted:
        raise SearchError(_why_nobody(source, protein_ids, named))
    return wanted


def _propagated(
    source: AnnotationSource, ontology: GeneOntology, protein_ids: Sequence[str]
) -> tuple[list[Lookup], set[str]]:
    annotations = read_annotations(
        source.path,
        ontology,
        evidence=source.evidence,
        on_unknown=source.on_unusable,
        on_obsolete=source.on_unusable,
        on_wrong_namespace=source.on_unusable,
    )
    called = annotated_names(protein_ids, annotations.terms)
    true = term_matrix((annotations.terms.get(name, ()) for name in called), ontology).tocsc()
    informative = np.diff(true.indptr) > 0
    informative[[ontology.row(root) for root in ontology.roots]] = False
    lookups = []
    for index, namespace in enumerate(NAMESPACES):
        columns = np.flatnonzero(informative & (ontology.namespace_index == index))
        term_ids = tuple(ontology.term_ids[column] for column in columns)
        names = tuple(ontology.name(term_id) for term_id in term_ids)
        lookups.append(Lookup(namespace.value, term_ids, names, true[:, columns].tocsr()))
    return lookups, set(annotations.terms)


def _as_written(
    source: AnnotationSource, protein_ids: Sequence[str]
) -> tuple[list[Lookup], set[str]]:
    """Without an ontology a NOT denies its own term only, and nothing is inferred."""
    stated: dict[str, set[str]] = {}
    denied: set[tuple[str, str]] = set()
    spaces: dict[str, str] = {}
    for row in read_annotation_rows(source.path):
        if not source.evidence.keeps(row.evidence) or (row.denied and row.isoform):
            continue
        space = ASPECTS[row.aspect].value if row.aspect in ASPECTS else UNKNOWN
        if row.aspect and not space:
            raise FileFormatError(
                f"{source.path}: line {row.line}: aspect {row.aspect!r} of {row.protein_id} is "
                "not one of F, P and C"
            )
        if spaces.setdefault(row.go_id, space) != space:
            raise OntologyError(
                f"{source.path}: line {row.line}: {row.go_id} has aspect {row.aspect!r} here and "
                "another one further up; correct the file or give an ontology"
            )
        if row.denied:
            denied.add((row.protein_id, row.go_id))
        else:
            stated.setdefault(row.protein_id, set()).add(row.go_id)
    for protein_id, go_id in denied:
        stated.get(protein_id, set()).discard(go_id)
    order = (*(namespace.value for namespace in NAMESPACES), UNKNOWN)
    term_ids = {s: sorted(term for term in spaces if spaces[term] == s) for s in order}
    called = annotated_names(protein_ids, stated)
    return [_stated(s, term_ids[s], stated, called) for s in order], set(stated)


def _stated(
    namespace: str,
    term_ids: Sequence[str],
    stated: Mapping[str, Iterable[str]],
    protein_ids: Sequence[str],
) -> Lookup:
    from scipy.sparse import coo_array

    column = {term_id: number for number, term_id in enumerate(term_ids)}
    pairs = [
        (row, column[term_id])
        for row, protein_id in enumerate(protein_ids)
        for term_id in stated.get(protein_id, ())
        if term_id in column
    ]
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    shape = (len(protein_ids), len(term_ids))
    table = coo_array((np.ones(len(pairs), dtype=bool), (rows, columns)), shape=shape).tocsc()
    used = np.flatnonzero(np.diff(table.indptr) > 0)
    kept = tuple(term_ids[int(number)] for number in used)
    return Lookup(namespace, kept, ("",) * len(kept), table[:, used].tocsr())


def annotated_names(protein_ids: Sequence[str], known: Collection[str]) -> list[str]:
    """Under which name each protein of the store stands in the annotation, if it does."""
    accessions = (_UNIPROT.fullmatch(protein_id) for protein_id in protein_ids)
    return [
        protein_id if protein_id in known or accession is None else accession[1]
        for protein_id, accession in zip(protein_ids, accessions, strict=True)
    ]


def _why_nobody(source: AnnotationSource, protein_ids: Sequence[str], named: set[str]) -> str:
    shared = sum(name in named for name in annotated_names(protein_ids, named))
    if shared:
        where = " or ".join(source.namespaces) or "any namespace"
        return (
            f"{source.path}: {shared:,} proteins of the store are in it, but none has a term in "
            f"{where}; choose another namespace or evidence"
        )
    return (
        f"{source.path}: none of its {len(named):,} proteins, such as {min(named, default='')!r}, "
        f"is in the store, whose ids are such as {protein_ids[0]!r}; give the annotations of the "
        "store's proteins, under the same ids"
    )
