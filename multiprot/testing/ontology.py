"""A toy ontology with everything that a release of GO brings: merged, replaced and dropped ids."""

from __future__ import annotations

from typing import Final

from multiprot.data.synthetic_ontology import mini_ontology
from multiprot.ontology import GeneOntology, Namespace, Term

REPLACED: Final = "GO:9109001"
"""Obsolete, with one successor."""

SUCCESSOR: Final = "GO:9101002"
"""What replaces `REPLACED`: a live term."""

DROPPED: Final = "GO:9109002"
"""Obsolete, without a successor."""


def toy_ontology(families: int = 6, *, release: str = "toy/1") -> GeneOntology:
    """The package's miniature ontology with two obsolete terms; more families, another release."""
    small = mini_ontology(families)
    obsolete = (
        Term(
            id=REPLACED,
            name="obsolete activity",
            namespace=Namespace.FUNCTION,
            obsolete=True,
            replaced_by=(SUCCESSOR,),
        ),
        Term(id=DROPPED, name="dropped activity", namespace=Namespace.FUNCTION, obsolete=True),
    )
    live = [small.term(term_id) for term_id in small.term_ids]
    return GeneOntology.from_terms([*live, *obsolete], release=release)
