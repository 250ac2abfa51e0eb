"""Options of the ESM encoder."""

from __future__ import annotations

from typing import Any, Final, Self

from pydantic import Field, model_validator

from multiprot.encoders.learning import LearningOptions
from multiprot.encoders.pretrained import refuse_two_sources

SHAPE_OPTIONS: Final = ("layers", "width", "heads", "feed_forward_width")
"""Options that a checkpoint decides by itself."""

LAYERS: Final = 6
WIDTH: Final = 320
HEADS: Final = 20
"""The shape from scratch where nothing is said: ESM-2 8M."""


class Esm2Options(LearningOptions):
    """What a recipe may write under `model.sequence.options`.

    With `checkpoint` the model is read from a folder or file; else it is made from scratch in the
    given shape, which is that of ESM-2 8M where nothing is said.
    """

    checkpoint: str | None = None
    """Local folder of transformers (config.json, model.safetensors, vocab.txt), or `.pt` file of
    facebookresearch/esm: ESM-2, ESM-1b or ESM-1v. Never the network."""
    architecture: dict[str, Any] | None = None
    """Complete shape as a saved model records it (`Esm2Encoder.portable_options`); nobody writes
    this by hand."""
    layers: int | None = Field(default=None, ge=1)
    """Transformer layers; 6 from scratch."""
    width: int | None = Field(default=None, ge=2)
    """Channels of a residue token; 320 from scratch."""
    heads: int | None = Field(default=None, ge=1)
    """Attention heads; 20 from scratch."""
    feed_forward_width: int | None = Field(default=None, ge=1)
    """Hidden channels of a feed-forward; four times `width` from scratch."""
    dropout: float | None = Field(default=None, ge=0.0, lt=1.0)
    """Share of channels and attention weights dropped in training; 0 from scratch, null keeps a
    checkpoint's own."""
    token_dropout: bool | None = None
    """ESM's rescaling of embeddings by the share of masked residues; false from scratch, null keeps
    a checkpoint's own (ESM-2's is true)."""
    max_residues: int | None = Field(default=None, ge=1)
    """Longest protein it takes; null: 1022, or four less than a checkpoint's number of positions.
    ESM-2's positions are rotary, so that a larger number works, beyond what it was trained on."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        refuse_two_sources(self, SHAPE_OPTIONS)
        return self

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        width, heads = self.width or WIDTH, self.heads or HEADS
        if width % (2 * heads):
            raise ValueError(
                f"width {width} must be a multiple of twice heads, {2 * heads}: rotary positions "
                "turn pairs of channels"
            )
        return self
