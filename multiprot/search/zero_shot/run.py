"""From settings to answers: what `multiprot annotate` does, without files to write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from multiprot.bundle import Bundle
from multiprot.ontology import EvidenceFilter, GeneOntology
from multiprot.ontology.namespace import ASPECTS
from multiprot.search.lookup import AnnotationSource, read_lookups
from multiprot.search.tables import Row
from multiprot.search.zero_shot.annotator import Annotator
from multiprot.search.zero_shot.calibration import (
    TermCalibration,
    fit_term_calibration,
    readout_hash,
)
from multiprot.search.zero_shot.evaluate import AnnotationReport, evaluate_annotation
from multiprot.search.zero_shot.exposure import count_trained_on
from multiprot.search.zero_shot.methods import (
    FrequencyScores,
    ModelScores,
    NeighbourScores,
    ScoringMethod,
)
from multiprot.search.zero_shot.options import AnnotateOptions
from multiprot.search.zero_shot.proteins import ProteinVectors, SharedVectors, open_shared
from multiprot.search.zero_shot.retrieval import proteins_of_terms
from multiprot.search.zero_shot.rows import (
    PROTEIN_COLUMNS,
    TERM_COLUMNS,
    protein_rows,
    term_rows,
)
from multiprot.search.zero_shot.selection import TermSelection, read_term_list
from multiprot.search.zero_shot.terms import SharedTerms
from multiprot.search.zero_shot.truth import known_terms

MODEL: Final = "model"
CALIBRATED: Final = "model, calibrated"
FREQUENCY: Final = "label frequency"
NEIGHBOURS: Final = "neighbours"


def answer_rows(
    bundle: Bundle, proteins: SharedVectors, options: AnnotateOptions
) -> tuple[dict[str, str], Iterator[Row]]:
    """Columns and rows of the table that is asked for: terms of proteins, or proteins of terms.

    Raises
    ------
    MultiprotError
        If the bundle cannot annotate, or a term or the calibration does not fit it; later, while
        rows are taken, as `SharedVectors.parts`.
    """
    selection = _selection(bundle, options)
    annotator = Annotator.of_bundle(bundle, selection, _calibration(options))
    if options.term and selection is not None:
        return PROTEIN_COLUMNS, _retrieved(annotator, proteins, options)
    rows = term_rows(
        annotator,
        proteins.parts(),
        selection=selection,
        namespaces=_namespaces(options),
        min_probability=options.min_probability,
        top=options.top,
    )
    return TERM_COLUMNS, rows


def calibrate(
    bundle: Bundle, proteins: SharedVectors, options: AnnotateOptions, annotations: Path
) -> TermCalibration:
    """A correction of the model's probabilities, see `fit_term_calibration`."""
    return fit_term_calibration(
        Annotator.of_bundle(bundle),
        proteins.parts(),
        known_terms(_source(bundle, options, annotations)),
        readout_hash(bundle),
        method=options.calibration_method,
    )


def evaluate(
    bundle: Bundle, proteins: SharedVectors, options: AnnotateOptions, annotations: Path
) -> tuple[AnnotationReport, int | None]:
    """How good the model's terms are beside those of plain methods, see `evaluate_annotation`.

    Returns
    -------
    tuple
        The figures; and how many proteins the model was trained on, None if it does not say.
    """
    source = _source(bundle, options, annotations)
    known = known_terms(source)
    annotator = Annotator.of_bundle(bundle)
    calibration = _calibration(options)
    methods: dict[str, ScoringMethod] = {MODEL: ModelScores(annotator, known.ontology)}
    if calibration is not None:
        corrected = Annotator.of_bundle(bundle, calibration=calibration)
        methods[CALIBRATED] = ModelScores(corrected, known.ontology)
    methods[FREQUENCY] = FrequencyScores(annotator, known.ontology)
    if options.reference is not None:
        store = open_shared(options.reference, bundle)
        lookups = read_lookups(source, store.ids)
        methods[NEIGHBOURS] = NeighbourScores(store, lookups, known.ontology, k=options.k)
    exposed = _Exposed(bundle)
    report = evaluate_annotation(
        methods,
        exposed.counted(proteins.parts()),
        known,
        known.columns(annotator.term_ids),
        min_probability=options.min_probability,
    )
    return report.only(_namespaces(options)), exposed.proteins


class _Exposed:
    """Counts proteins that the model was trained on while they pass by."""

    def __init__(self, bundle: Bundle) -> None:
        self._trained = bundle.trained_on()
        self.proteins = None if self._trained is None else 0

    def counted(self, parts: Iterable[ProteinVectors]) -> Iterator[ProteinVectors]:
        for part in parts:
            if self._trained is not None and self.proteins is not None:
                self.proteins += count_trained_on(self._trained, part.sequence_hashes)
            yield part


def _retrieved(
    annotator: Annotator, proteins: SharedVectors, options: AnnotateOptions
) -> Iterator[Row]:
    # Begun with the first row, so that a table is opened before the long part.
    yield from protein_rows(
        proteins_of_terms(
            annotator,
            tuple(dict.fromkeys(options.term)),
            proteins.parts(),
            min_probability=options.min_probability,
            top=options.top,
        )
    )


def _selection(bundle: Bundle, options: AnnotateOptions) -> TermSelection | None:
    if options.terms is None and not options.term:
        return None
    learnt = SharedTerms.learnt(bundle)
    named = (
        [("--term", term_id) for term_id in options.term]
        if options.terms is None
        else read_term_list(options.terms)
    )
    return TermSelection.of(
        named, learnt.ontology, frozenset(learnt.term_ids), zero_shot=options.zero_shot
    )


def _calibration(options: AnnotateOptions) -> TermCalibration | None:
    return None if options.calibration is None else TermCalibration.load(options.calibration)


def _namespaces(options: AnnotateOptions) -> tuple[str, ...]:
    return tuple(ASPECTS[name].value for name in options.namespaces)


def _source(bundle: Bundle, options: AnnotateOptions, annotations: Path) -> AnnotationSource:
    ontology = bundle.ontology
    if options.ontology is not None:
        ontology = GeneOntology.from_obo(options.ontology)
    return AnnotationSource(
        path=annotations,
        ontology=ontology,
        evidence=EvidenceFilter(include=frozenset(options.evidence) or None),
        on_unusable=options.unknown_terms,
    )
