"""What is known of each protein: annotation rows checked, mapped to live terms and reconciled."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from multiprot.errors import FileFormatError, ObsoleteTermError, OntologyError, UnknownTermError
from multiprot.ontology.annotation_rows import (
    AnnotationFormat,
    AnnotationRow,
    read_annotation_rows,
)
from multiprot.ontology.evidence import EvidenceFilter
from multiprot.ontology.graph import GeneOntology
from multiprot.ontology.namespace import ASPECTS

Policy = Literal["error", "skip"]
"""What to do with a row that cannot be used: raise, or leave it out and count it."""


@dataclass(slots=True, kw_only=True)
class AnnotationReport:
    """Account of every row: rows = kept + denied + filtered + isoform_denials + the refused.

    Attributes
    ----------
    rows
        Rows in the file.
    kept, denied
        Rows that state a term of a protein, and that deny one (NOT).
    filtered
        Evidence code -> rows left out by the filter.
    isoform_denials
        NOT rows about one isoform: they say nothing of the protein and are left out.
    unknown, obsolete
        GO id -> rows left out because the id is not in this release, or retired without heir.
    wrong_namespace
        GO id -> rows left out because the aspect column contradicts the term.
    mapped
        Alternative or replaced id -> live id used instead.
    mapped_rows
        Rows that were mapped.
    contradicted
        Stated terms of proteins that a NOT took away.
    """

    rows: int = 0
    kept: int = 0
    denied: int = 0
    filtered: Counter[str] = field(default_factory=Counter)
    isoform_denials: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    obsolete: Counter[str] = field(default_factory=Counter)
    wrong_namespace: Counter[str] = field(default_factory=Counter)
    mapped: dict[str, str] = field(default_factory=dict)
    mapped_rows: int = 0
    contradicted: int = 0

    def to_json(self) -> dict[str, Any]:
        """The same as plain numbers and dictionaries, keys sorted."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: dict(sorted(value.items())) if isinstance(value, dict) else value
            for name, value in values.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """Terms of proteins, as live ids, not propagated.

    Attributes
    ----------
    terms
        Protein -> terms that are true of it. Empty if all its statements were denied.
    negated
        Protein -> terms denied by a NOT. They and all their descendants are false of it.
    report
        What became of every row.
    """

    terms: dict[str, frozenset[str]]
    negated: dict[str, frozenset[str]]
    report: AnnotationReport


def read_annotations(
    path: Path | str,
    ontology: GeneOntology,
    *,
    file_format: AnnotationFormat = "auto",
    evidence: EvidenceFilter = EvidenceFilter(),  # noqa: B008 (frozen)
    on_unknown: Policy = "error",
    on_obsolete: Policy = "error",
    on_wrong_namespace: Policy = "error",
) -> Annotations:
    """Read GAF 2.x, GPAD or TSV, plain, gzip or xz.

    A NOT denies its term and all descendants: if something has not the function, it has no
    special kind of it. Where rows contradict each other, the NOT wins and the stated term is
    dropped whole (a curator who looked closely outweighs what was inferred). NOT rows pass the
    same evidence filter as others.

    Parameters
    ----------
    path
        A TSV needs the columns protein_id and go_id; aspect, evidence and qualifier are used if
        present.
    ontology
        Ids are mapped to its live terms.
    file_format
        See `read_annotation_rows`.
    evidence
        Which codes count.
    on_unknown, on_obsolete, on_wrong_namespace
        What to do with ids that are not in the ontology, are obsolete without a single
        replacement, or belong to another namespace than the aspect column says.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or nothing is left of it.
    UnknownTermError, ObsoleteTermError, OntologyError
        By policy; names the file, the line, the protein and the id.
    """
    policies = (on_unknown, on_obsolete, on_wrong_namespace)
    collector = _Collector(Path(path), ontology, evidence, policies)
    for row in read_annotation_rows(Path(path), file_format):
        collector.add(row)
    return collector.result()


class _Collector:
    """Gathers rows; remembers each (id, aspect) so that a term is resolved once."""

    def __init__(
        self,
        path: Path,
        ontology: GeneOntology,
        evidence: EvidenceFilter,
        policies: tuple[Policy, Policy, Policy],
    ) -> None:
        self._path, self._ontology, self._evidence = path, ontology, evidence
        # A contradicted namespace is the one case without an error class of its own.
        cases = (UnknownTermError, ObsoleteTermError, OntologyError)
        self._policies = dict(zip(cases, policies, strict=True))
        self._report = AnnotationReport()
        self._stated: dict[str, set[str]] = {}
        self._negated: dict[str, set[str]] = {}
        self._resolved: dict[tuple[str, str], str | OntologyError] = {}

    def add(self, row: AnnotationRow) -> None:
        report = self._report
        report.rows += 1
        if not self._evidence.keeps(row.evidence):
            self._refuse_filter_without_codes(row)
            report.filtered[row.evidence] += 1
            return
        if row.denied and row.isoform:
            report.isoform_denials += 1
            return
        key = (row.go_id, row.aspect)
        term = self._resolved.get(key)
        if term is None:
            term = self._resolved[key] = self._resolve(row)
        if isinstance(term, OntologyError):
            self._refuse(row, term)
            return
        if term != row.go_id:
            report.mapped[row.go_id] = term
            report.mapped_rows += 1
        if row.denied:
            report.denied += 1
            self._negated.setdefault(row.protein_id, set()).add(term)
        else:
            report.kept += 1
            self._stated.setdefault(row.protein_id, set()).add(term)

    def result(self) -> Annotations:
        if not self._stated and not self._negated:
            raise FileFormatError(f"{self._path}: no annotation left{self._why_none()}")
        terms = {protein: frozenset(stated) for protein, stated in self._stated.items()}
        for protein, denied in self._negated.items():
            false = denied.union(*(self._ontology.descendants(term) for term in denied))
            stated = terms.get(protein, frozenset())
            terms[protein] = stated - false
            self._report.contradicted += len(stated) - len(terms[protein])
        negated = {protein: frozenset(ids) for protein, ids in self._negated.items()}
        return Annotations(terms=terms, negated=negated, report=self._report)

    def _resolve(self, row: AnnotationRow) -> str | OntologyError:
        try:
            term = self._ontology.resolve(row.go_id)
        except OntologyError as error:
            return error
        stated = ASPECTS.get(row.aspect)
        if row.aspect and stated is None:
            raise FileFormatError(
                f"{self._path}: line {row.line}: aspect {row.aspect!r} of {row.protein_id} is not "
                "one of F, P and C"
            )
        # A replacement may lie in another namespace than the retired term; the row speaks of that.
        actual = self._ontology.stated_namespace(row.go_id)
        if stated is not None and stated != actual:
            return OntologyError(
                f"{row.go_id} is a term of {actual}, but the row says {stated}; "
                "correct the aspect or the id"
            )
        return term

    def _refuse(self, row: AnnotationRow, error: OntologyError) -> None:
        if self._policies[type(error)] == "error":
            message = f"{self._path}: line {row.line}: protein {row.protein_id}: {error}"
            if isinstance(error, ObsoleteTermError):
                raise ObsoleteTermError(message, error.candidates)
            raise type(error)(message)
        if isinstance(error, UnknownTermError):
            self._report.unknown[row.go_id] += 1
        elif isinstance(error, ObsoleteTermError):
            self._report.obsolete[row.go_id] += 1
        else:
            self._report.wrong_namespace[row.go_id] += 1

    def _refuse_filter_without_codes(self, row: AnnotationRow) -> None:
        if not row.evidence:
            raise FileFormatError(
                f"{self._path}: line {row.line}: protein {row.protein_id} has no evidence code, "
                "but a filter asks for one; add an evidence column or drop the filter"
            )

    def _why_none(self) -> str:
        report = self._report
        causes = {
            f"evidence filter (codes seen: {', '.join(sorted(report.filtered))})": sum(
                report.filtered.values()
            ),
            "unknown ids": sum(report.unknown.values()),
            "obsolete ids": sum(report.obsolete.values()),
            "wrong namespace": sum(report.wrong_namespace.values()),
            "NOT about an isoform": report.isoform_denials,
        }
        told = [f"{rows} rows by {cause}" for cause, rows in causes.items() if rows]
        return f" of {report.rows} rows: {'; '.join(told)}" if told else ""
