"""Options of the three encoders."""

from __future__ import annotations

from typing import Any, Final, Self

from pydantic import Field, model_validator

from multiprot.encoders.learning import LearningOptions
from multiprot.encoders.pretrained import refuse_two_sources

SHAPE_OPTIONS: Final = ("layers", "width", "heads", "feed_forward_width")
"""Options that a checkpoint decides by itself."""

LAYERS: Final = 6
WIDTH: Final = 512
HEADS: Final = 8
"""The shape from scratch where nothing is said: that of T5-small."""


class ProtTransOptions(LearningOptions):
    """What a recipe may write under `model.sequence.options`.

    With `checkpoint` the model is read from a folder; else it is made from scratch in the given
    shape.
    """

    checkpoint: str | None = None
    """Local transformers folder (config.json, model.safetensors, and spiece.model, vocab.txt or
    tokenizer.json). Never the network."""
    architecture: dict[str, Any] | None = None
    """Complete shape and vocabulary as a saved model records them
    (`ProtTransEncoder.portable_options`); nobody writes this by hand."""
    layers: int | None = Field(default=None, ge=1)
    """Transformer layers; 6 from scratch."""
    width: int | None = Field(default=None, ge=2)
    """Channels of a residue token; 512 from scratch."""
    heads: int | None = Field(default=None, ge=1)
    """Attention heads; 8 from scratch."""
    feed_forward_width: int | None = Field(default=None, ge=1)
    """Hidden channels of a feed-forward; four times `width` from scratch."""
    dropout: float | None = Field(default=None, ge=0.0, lt=1.0)
    """Share of channels and attention weights dropped in training; 0 from scratch, null keeps a
    checkpoint's own."""
    max_residues: int | None = Field(default=None, ge=1)
    """Longest protein it takes. Null means 4,096 to ProtT5 and Ankh, whose relative positions let
    you set more where memory allows, and to ProtBert as many as it has learned positions for (2,046
    from scratch)."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        refuse_two_sources(self, SHAPE_OPTIONS)
        return self

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        width, heads = self.width or WIDTH, self.heads or HEADS
        if width % heads:
            raise ValueError(f"width {width} must be a multiple of heads, {heads}")
        return self


class T5Options(ProtTransOptions):
    """Options of `prott5` and `ankh`, which are T5 encoders."""

    legacy_padding: int | None = Field(default=None, ge=2)
    """For weights of MTDP's released code alone, there 1,001: pad every protein to so many tokens,
    and move the tokens of its residues together so that their mean is that of all of these, as it
    pools. Null: padding counts nowhere."""
    prefix: str | None = None
    """Token put before every protein and stripped again; null: the one that the vocabulary asks
    for (<AA2fold> of ProstT5, [NLU] of Ankh3), else none; an empty string: none."""

    @model_validator(mode="after")
    def _prefix_is_recorded(self) -> Self:
        if self.prefix is not None and self.architecture is not None:
            raise ValueError("prefix is decided by architecture; leave it out")
        return self


class ProtBertOptions(ProtTransOptions):
    """Options of `protbert`."""
