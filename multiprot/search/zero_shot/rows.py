"""Rows of the tables that annotation writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple
from typing import Final

import numpy as np

from multiprot.ontology import NAMESPACES
from multiprot.search.tables import Row
from multiprot.search.zero_shot.annotator import Annotator
from multiprot.search.zero_shot.proteins import ProteinVectors
from multiprot.search.zero_shot.retrieval import FoundProtein
from multiprot.search.zero_shot.selection import TermSelection

TERM_COLUMNS: Final = {
    "protein": "text",
    "term": "text",
    "name": "text",
    "namespace": "text",
    "probability": "number",
    "basis": "text",
}
PROTEIN_COLUMNS: Final = {
    "term": "text",
    "name": "text",
    "namespace": "text",
    "rank": "count",
    "protein": "text",
    "probability": "number",
    "cosine": "number",
    "basis": "text",
}
REFUSED_COLUMNS: Final = {"protein": "text", "reason": "text"}


def term_rows(
    annotator: Annotator,
    parts: Iterable[ProteinVectors],
    *,
    selection: TermSelection | None = None,
    namespaces: tuple[str, ...] = (),
    min_probability: float = 0.05,
    top: int | None = None,
) -> Iterator[Row]:
    """Rows of `TERM_COLUMNS`, protein by protein.

    Parameters
    ----------
    annotator
        The model.
    parts
        The proteins.
    selection
        Give these terms only; None: all that were learnt.
    namespaces
        Give terms of these namespaces only; none: all.
    min_probability, top
        As `Annotator.annotate`.
    """
    spaces = [NAMESPACES[number].value for number in annotator.namespaces]
    asked = None if selection is None else selection.term_ids
    wanted = np.array(
        [
            (asked is None or term_id in asked) and (not namespaces or space in namespaces)
            for term_id, space in zip(annotator.term_ids, spaces, strict=True)
        ]
    )
    for part in parts:
        answers = annotator.annotate(
            part.vectors, wanted=wanted, min_probability=min_probability, top=top
        )
        for protein_id, terms in zip(part.ids, answers, strict=True):
            for term in terms:
                yield (protein_id, *term)


def protein_rows(found: Iterable[FoundProtein]) -> Iterator[Row]:
    """Rows of `PROTEIN_COLUMNS`."""
    return (astuple(protein) for protein in found)
