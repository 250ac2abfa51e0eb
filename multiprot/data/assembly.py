"""Joining what is known of each protein into one record, and deciding whether it is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from multiprot.data.build_report import Kind, ReportWriter
from multiprot.data.corpus_writer import CorpusWriter
from multiprot.data.exclusion import Exclusion
from multiprot.data.split_table import LeakGuard, Place
from multiprot.errors import RecordError
from multiprot.ontology import GeneOntology
from multiprot.proteins import FeatureSpan, ProteinRecord
from multiprot.proteins.derived_spans import DERIVED_KINDS, derived_spans

UNSPLIT: Final = Place("train")
"""Place of every protein where no splits are given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What tables say of proteins, by id.

    Attributes
    ----------
    ontology
        The release that terms are of, or None.
    terms, denied
        Annotated and denied GO terms; a protein that is not in `terms` has unknown GO.
    spans
        Feature spans.
    derive_spans
        Whether `derived_spans` adds to them.
    splits
        Splits and clusters, or None where every protein belongs to `UNSPLIT`.
    exclusion
        What to leave out, or None.
    account
        Counts of rows that were read, for the manifest.
    """

    ontology: GeneOntology | None = None
    terms: Mapping[str, frozenset[str]] = field(default_factory=dict)
    denied: Mapping[str, frozenset[str]] = field(default_factory=dict)
    spans: Mapping[str, tuple[FeatureSpan, ...]] = field(default_factory=dict)
    derive_spans: bool = False
    splits: Mapping[str, Place] | None = None
    exclusion: Exclusion | None = None
    account: Mapping[str, Any] = field(default_factory=dict)


class Assembly:
    """Takes bare records, adds what is known, and writes or refuses them with a line of report.

    Parameters
    ----------
    knowledge
        Tables.
    writer, report
        Where kept records, and rows on all of them, go.
    """

    def __init__(self, knowledge: Knowledge, writer: CorpusWriter, report: ReportWriter) -> None:
        self._knowledge = knowledge
        self._writer = writer
        self._report = report
        self._leaks = LeakGuard()
        self._annotated = 0
        self._derived: Counter[str] = Counter()

    def add(
        self,
        record: ProteinRecord,
        kind: Kind,
        source: str,
        *,
        account: dict[str, Any] | None = None,
    ) -> bool:
        """Keep or refuse one protein.

        Parameters
        ----------
        record
            Id, sequence and perhaps structure.
        kind, source
            The input it came from, for the report.
        account
            What became of a structure's residues.

        Returns
        -------
        bool
            Whether it was kept.

        Raises
        ------
        DataError
            If its sequence is in another split, too, or its id is in the corpus already.
        """
        refusal = self._refusal(record)
        if refusal is None:
            try:
                record = self._complete(record)
            except RecordError as error:
                refusal = ("contradiction", str(error))
        if refusal is not None:
            reason, detail = refusal
            self._report.refused(kind, source, record.id, reason=reason, detail=detail)
            return False
        place = self._place(record.id) or UNSPLIT
        self._leaks.check(record.id, record.sequence, place.split)
        self._writer.add(record, *place)
        self._report.kept(kind, source, record.id, account=account)
        self._annotated += record.go_terms is not None
        self._derived.update(span.kind for span in record.features)
        return True

    def unused(self) -> dict[str, int]:
        """How many annotated proteins no record bears the name of, and derived spans by kind."""
        found = {"annotated_without_record": len(self._knowledge.terms) - self._annotated}
        if self._knowledge.derive_spans:
            found.update({kind: self._derived[kind] for kind in DERIVED_KINDS})
        return found

    def _refusal(self, record: ProteinRecord) -> tuple[str, str] | None:
        """Reason and detail why a record is left out, if it is."""
        place, exclusion = self._place(record.id), self._knowledge.exclusion
        split = None if place is None else place.split
        if exclusion is not None and (tasks := exclusion.leaves_out(record.id, split)):
            return "excluded", f"too close to tests of {', '.join(tasks)}"
        if split is None:
            return "no split", "the splits file does not name it"
        return None

    def _place(self, protein: str) -> Place | None:
        splits = self._knowledge.splits
        return UNSPLIT if splits is None else splits.get(protein)

    def _complete(self, record: ProteinRecord) -> ProteinRecord:
        knowledge = self._knowledge
        complete = replace(
            record,
            go_terms=knowledge.terms.get(record.id),
            not_go_terms=knowledge.denied.get(record.id, frozenset()),
            features=knowledge.spans.get(record.id, ()),
        )
        if not knowledge.derive_spans:
            return complete
        derived = derived_spans(complete.sequence, complete.features)
        return replace(complete, features=complete.features + derived)
