"""Options of the ESM-IF1 encoder."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from multiprot.config import Section


class Sizes(Section):
    """The shape of the encoder; the defaults are those of the released model."""

    width: int = Field(default=512, ge=4, multiple_of=2)
    """Channels of a token."""
    layers: int = Field(default=8, ge=1)
    """Transformer layers."""
    heads: int = Field(default=8, ge=1)
    """Attention heads."""
    feed_forward_width: int = Field(default=2048, ge=1)
    """Hidden channels of a transformer layer's feed-forward."""
    graph_layers: int = Field(default=4, ge=1)
    """GVP layers below the transformer."""
    scalars: int = Field(default=1024, ge=1)
    """Scalar channels of a residue in the GVP layers."""
    vectors: int = Field(default=256, ge=1)
    """Vector channels of a residue in the GVP layers."""
    edge_scalars: int = Field(default=32, ge=1)
    """Scalar channels of an edge."""
    edge_vectors: int = Field(default=1, ge=1)
    """Vector channels of an edge."""
    neighbours: int = Field(default=30, ge=1)
    """Nearest residues, itself included, that a residue sends messages to."""

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads, {self.heads}")
        return self


RELEASED: Final = Sizes()
"""The shape of esm_if1_gvp4_t16_142M_UR50."""


class EsmIf1Options(Section):
    """What a recipe may write under `model.structure.options`.

    With `checkpoint` the encoder is read from a file; else it is made from scratch in the shape
    `sizes`.
    """

    checkpoint: str | None = None
    """Local file `esm_if1_gvp4_t16_142M_UR50.pt` of facebookresearch/esm. Never the network."""
    sizes: Sizes | None = None
    """Shape from scratch; null: that of the released model, which is too large for a CPU."""
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of channels and attention weights dropped in training; the authors trained with 0.1."""
    freeze: Literal["none", "all"] = "none"
    """What does not learn."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.checkpoint is not None and self.sizes is not None:
            raise ValueError(
                "sizes are decided by checkpoint; leave them out, or leave out checkpoint to make "
                "an encoder from scratch"
            )
        return self
