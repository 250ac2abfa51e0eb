"""Settings of how records become batches. No torch here."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from multiprot.config import Section

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Dropout = Annotated[float, Field(ge=0.0, lt=1.0)]


class BatchConfig(Section):
    """What goes into one batch."""

    tokens_per_batch: Annotated[int, Field(ge=1)] = 4096
    """Residues per batch and process, padding included."""

    proteins_per_batch: Annotated[int, Field(ge=1)] | None = None
    """Most proteins in one batch; null: only the token budget counts."""

    crop_residues: Annotated[int, Field(ge=1)] | None = 256
    """A longer protein is cropped to this many residues, at a place drawn anew each time; null:
    never crop, and refuse a protein that exceeds tokens_per_batch."""

    structure_share: Share | None = None
    """Share of the sampled proteins that bear a structure; null: as in the corpus."""

    cluster_balance: Share = 0.0
    """How far clusters of similar proteins are evened out: a protein is sampled in proportion to
    1 / (size of its cluster) to this power. 0: every protein alike, 1: every cluster alike."""

    structure_dropout: Dropout = 0.15
    """Probability that a structure is withheld (never together with the sequence)."""

    sequence_dropout: Dropout = 0.15
    """Probability that the sequence is withheld from a protein that keeps its structure."""

    go_dropout: Dropout = 0.5
    """Probability that a model which reads GO terms (fusion.go_exchange) is shown none of a
    protein's: later it will meet many proteins that have none."""

    go_min_proteins: Annotated[int, Field(ge=1)] = 10
    """Train proteins that a GO term needs to be learnt."""

    go_candidates: Literal["vocabulary", "batch"] = "vocabulary"
    """Terms that a batch contrasts: all that are learnt, or those true of one of its proteins."""

    workers: Annotated[int, Field(ge=0)] = 0
    """Processes that prepare batches; 0: the main process does. Batches do not depend on it."""

    cache_megabytes: Annotated[int, Field(ge=0)] = 1024
    """Decoded records each process keeps in memory, in 2**20 bytes."""

    @model_validator(mode="after")
    def _budget_holds_a_crop(self) -> Self:
        if self.crop_residues is not None and self.crop_residues > self.tokens_per_batch:
            raise ValueError(
                f"crop_residues {self.crop_residues} exceeds tokens_per_batch "
                f"{self.tokens_per_batch}; lower the one or raise the other"
            )
        return self
