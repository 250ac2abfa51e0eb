"""Settings of the fusion model and of the whole model. No torch here."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from multiprot.config import Section
from multiprot.encoders.section import EncoderSection


class FusionConfig(Section):
    """How the streams meet, are pooled and projected."""

    width: int = Field(default=128, ge=2)
    """Channels of sequence, structure and fused tokens and of the protein vector."""
    layers: int = Field(default=2, ge=0)
    """Rounds in which the two streams look at each other; 0 leaves only their sum."""
    heads: int = Field(default=4, ge=1)
    """Attention heads of each round; must divide `width` into even parts (rotary positions)."""
    ffn_multiple: float = Field(default=2.0, gt=0)
    """Hidden channels of a feed-forward block, in units of `width`."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of channels dropped after attention and inside feed-forward blocks."""
    gate_init: float = 0.5
    """Start of the learned gates; 0 would keep the streams from meeting in the first steps."""
    rotary_base: float = Field(default=10_000.0, gt=1)
    """Longest wavelength of the rotary positions, residues / 2π (Su et al. 2021)."""
    pooling_heads: int = Field(default=4, ge=1)
    """Learned queries of the attention pooling; must divide `width`."""
    shared_dim: int = Field(default=128, ge=2)
    """Channels of the space that proteins and GO terms share."""

    @model_validator(mode="after")
    def _heads_fit_width(self) -> Self:
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise ValueError(
                f"width {self.width} over {self.heads} heads gives {self.width / self.heads:g} "
                "channels a head; it must be an even number"
            )
        if self.width % self.pooling_heads:
            raise ValueError(
                f"width {self.width} is not a multiple of pooling_heads {self.pooling_heads}"
            )
        return self


class ModelConfig(Section):
    """A whole model: which encoders, and how they are fused."""

    sequence: EncoderSection | None = None
    """Sequence encoder, or null for a model of structures only."""
    structure: EncoderSection | None = None
    """Structure encoder, or null for a model of sequences only."""
    go: EncoderSection | None = None
    """GO encoder, or null for a model without Gene Ontology."""
    fusion: FusionConfig = FusionConfig()
    """How they meet."""

    @model_validator(mode="after")
    def _has_residues(self) -> Self:
        if self.sequence is None and self.structure is None:
            raise ValueError(
                "sequence and structure are both null; a model needs at least one of them"
            )
        return self
