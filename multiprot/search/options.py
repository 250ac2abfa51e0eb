"""Settings of a search. No numpy here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from multiprot.config import Section

Metric = Literal["cosine", "euclidean"]
"""What distance means: 1 - cosine of the angle, or the length of the difference."""

NamespaceName = Literal[
    "F", "P", "C", "molecular_function", "biological_process", "cellular_component"
]
"""A namespace of GO, short or long."""


class SearchOptions(Section):
    """What to look for, and how."""

    k: int = Field(default=10, ge=1)
    """Neighbours of each query."""
    metric: Metric = "cosine"
    """Distance: cosine is 1 - cosine of the angle, euclidean the length of the difference."""
    include_self: bool = False
    """Do not leave out the protein of the query's own id."""
    approximate: bool = False
    """Look at a part of the store only; needs multiprot[search]."""
    recall: float = Field(default=0.95, gt=0, le=1)
    """Share of the nearest 10 that an approximate index must find."""
    index: Path | None = None
    """Folder that keeps an approximate index; built if it is not there."""
    annotations: Path | None = None
    """GAF, GPAD or TSV: give the GO terms of the neighbours instead of them."""
    ontology: Path | None = None
    """OBO file: carry terms up to their ancestors."""
    namespaces: tuple[NamespaceName, ...] = ()
    """Namespace of the terms wanted, F, P or C, repeated for several; none: all."""
    evidence: tuple[str, ...] = ()
    """Evidence codes that count, repeated for several; none: all but ND."""
    unknown_terms: Literal["error", "skip"] = "error"
    """Annotations whose GO id the ontology does not have, or has in another namespace: "error"
    stops, "skip" leaves them out."""
    half_distance: float = Field(default=0.5, gt=0, allow_inf_nan=False)
    """Euclidean distance at which two proteins are half similar."""
    min_confidence: float = Field(default=0.0, ge=0, le=1)
    """Leave out terms below it."""

    @model_validator(mode="after")
    def _make_sense_together(self) -> Self:
        if self.annotations is None and (self.ontology or self.namespaces or self.evidence):
            raise ValueError(
                "ontology, namespaces and evidence are about annotations; add --annotations FILE"
            )
        if self.annotations is not None and (self.approximate or self.index):
            raise ValueError(
                "with annotations only the annotated proteins are searched, and always exactly; "
                "drop --approximate and --index"
            )
        return self
