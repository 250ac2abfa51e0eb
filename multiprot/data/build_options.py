"""What `multiprot data build` is asked to do. No torch here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from multiprot.config import Section

Share = Annotated[float, Field(ge=0.0, lt=0.5)]


class CorpusBuildOptions(Section):
    """Inputs and choices of a corpus build."""

    structures: Path | None = None
    """Folder of structure files."""

    sequences: Path | None = None
    """FASTA file."""

    annotations: Path | None = None
    """GO annotations: TSV, GAF or GPAD."""

    ontology: Path | None = None
    """OBO file; needed with annotations."""

    regulates: bool = False
    """Let regulates relations carry GO terms to parents, too."""

    evidence: tuple[str, ...] = ()
    """Evidence codes that count, repeated for several; none: all but ND."""

    unknown_terms: Literal["error", "skip"] = "error"
    """Annotation rows whose GO id is unknown, obsolete or of another namespace than the row says:
    "error" stops, "skip" leaves them out and counts them."""

    features: Path | None = None
    """Feature spans: TSV (protein_id, type, start, end (1-based, inclusive), name), or UniProt
    entries as text (.txt, .dat), GFF (.gff, .gff3) or JSON (.json)."""

    derive_spans: bool = False
    """Derive motifs and regions from binding residues and from stretches of low complexity, too."""

    splits: Path | None = None
    """TSV: protein_id, split, and optionally a cluster column whose clusters must not straddle."""

    cluster_identity: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """Split by sequence clusters of this identity; below 1 by mmseqs2, 1 means equal sequences."""

    valid_share: Share = 0.05
    """Share of the proteins in the valid split when splitting by clusters."""

    test_share: Share = 0.05
    """Share of the proteins in the test split when splitting by clusters."""

    split_seed: Annotated[int, Field(ge=0)] = 0
    """Decides which clusters go where."""

    exclude: Path | None = None
    """TSV of proteins to leave out: protein_id, task, …"""

    exclude_tasks: tuple[str, ...] = ()
    """Leave out only the proteins of these tasks, repeated for several; none: of all tasks."""

    on_mismatch: Literal["error", "refuse"] = "error"
    """Where structure and sequence of one id differ: "error" stops, "refuse" leaves the protein
    out."""

    workers: Annotated[int, Field(ge=0)] = 2
    """Processes that read structure files; the corpus does not depend on it."""

    @model_validator(mode="after")
    def _make_sense_together(self) -> Self:
        if self.structures is None and self.sequences is None:
            raise ValueError("neither structures nor sequences given; give at least one of them")
        if self.annotations is not None and self.ontology is None:
            raise ValueError("annotations need an ontology; give the OBO file of their release")
        if self.splits is not None and self.cluster_identity is not None:
            raise ValueError("splits and cluster_identity exclude each other; give one of them")
        if self.exclude_tasks and self.exclude is None:
            raise ValueError("exclude_tasks given without an exclusion list; give exclude, too")
        return self
