"""GO terms of proteins, and proteins of GO terms, by where both lie in the shared space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names
from multiprot.search.zero_shot.options import AnnotateOptions

if TYPE_CHECKING:
    from multiprot.search.zero_shot.annotator import Annotator
    from multiprot.search.zero_shot.calibration import (
        TermCalibration,
        fit_term_calibration,
        readout_hash,
    )
    from multiprot.search.zero_shot.evaluate import AnnotationReport, evaluate_annotation
    from multiprot.search.zero_shot.proteins import ProteinVectors, SharedVectors
    from multiprot.search.zero_shot.retrieval import proteins_of_terms
    from multiprot.search.zero_shot.selection import TermSelection, read_term_list
    from multiprot.search.zero_shot.terms import SharedTerms
    from multiprot.search.zero_shot.truth import KnownTerms, known_terms

_HOMES: Final = {
    "AnnotationReport": "evaluate",
    "Annotator": "annotator",
    "KnownTerms": "truth",
    "ProteinVectors": "proteins",
    "SharedTerms": "terms",
    "SharedVectors": "proteins",
    "TermCalibration": "calibration",
    "TermSelection": "selection",
    "evaluate_annotation": "evaluate",
    "fit_term_calibration": "calibration",
    "known_terms": "truth",
    "proteins_of_terms": "retrieval",
    "read_term_list": "selection",
    "readout_hash": "calibration",
}

__all__ = [
    "AnnotateOptions",
    "AnnotationReport",
    "Annotator",
    "KnownTerms",
    "ProteinVectors",
    "SharedTerms",
    "SharedVectors",
    "TermCalibration",
    "TermSelection",
    "evaluate_annotation",
    "fit_term_calibration",
    "known_terms",
    "proteins_of_terms",
    "read_term_list",
    "readout_hash",
]

__getattr__ = lazy_names(__name__, _HOMES)
