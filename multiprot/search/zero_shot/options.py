"""Settings of annotation by the shared space. No numpy here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from multiprot.config import Section
from multiprot.embedding.options import Modalities
from multiprot.search.options import NamespaceName


class AnnotateOptions(Section):
    """What is asked of proteins and terms."""

    modalities: Modalities = "all"
    """What may be used of each protein: "all" that it and the model have, "sequence" or "structure"
    alone."""
    namespaces: tuple[NamespaceName, ...] = ()
    """Namespace of the terms wanted, F, P or C, repeated for several; none: all."""
    min_probability: float = Field(default=0.05, ge=0, le=1)
    """Leave out what is less probable."""
    top: int | None = Field(default=None, ge=1)
    """Give the most probable terms only, so many of each protein in each namespace; with --term so
    many proteins of each term."""
    terms: Path | None = None
    """File of GO ids, one a line: give these terms only."""
    term: tuple[str, ...] = ()
    """GO id, repeated for several: give the proteins that have it, the most probable first, instead
    of the terms of proteins."""
    zero_shot: bool = False
    """Let --terms and --term name terms that the model has not learnt; they are marked."""
    calibration: Path | None = None
    """File that --calibrate wrote: correct the probabilities by it."""
    calibrate: Path | None = None
    """GAF, GPAD or TSV with what is known of the proteins: measure how far probabilities come true
    and write the correction to --out, a .json file."""
    calibration_method: Literal["isotonic", "platt"] = "isotonic"
    """"isotonic": any rising curve, for thousands of proteins; "platt": two numbers, for fewer."""
    evaluate: Path | None = None
    """GAF, GPAD or TSV with what is known of the proteins: tell how good the terms are."""
    ontology: Path | None = None
    """OBO file to read --calibrate and --evaluate by; none: the model's own release."""
    evidence: tuple[str, ...] = ()
    """Evidence codes that count, repeated for several; none: all but ND."""
    unknown_terms: Literal["error", "skip"] = "error"
    """Annotations whose GO id the ontology does not have, or has in another namespace: "error"
    stops, "skip" leaves them out."""
    reference: Path | None = None
    """With --evaluate: embedding store (--space shared) of other proteins in the same annotation
    file; terms that nearest neighbours in it pass on are measured beside the model's."""
    k: int = Field(default=10, ge=1)
    """Neighbours that are asked in --reference."""

    @model_validator(mode="after")
    def _make_sense_together(self) -> Self:
        asked = [n for n in ("term", "calibrate", "evaluate") if getattr(self, n)]
        if len(asked) > 1:
            raise ValueError(f"--{asked[0]} and --{asked[1]} are two questions; ask one at a time")
        if self.zero_shot and not (self.terms or self.term):
            raise ValueError("--zero-shot is for terms that are named; add --terms FILE or --term")
        if self.terms is not None and asked:
            raise ValueError(f"--terms does not go with --{asked[0]}; leave one out")
        if self.calibrate is not None and self.calibration is not None:
            raise ValueError("--calibrate starts from the model's own numbers; drop --calibration")
        if not (self.calibrate or self.evaluate) and (self.ontology or self.evidence):
            raise ValueError(
                "--ontology and --evidence are about known annotations; add --evaluate FILE or "
                "--calibrate FILE"
            )
        if self.reference is not None and self.evaluate is None:
            raise ValueError("--reference is a part of the measurement; add --evaluate FILE")
        return self
