"""Settings of the fusion model and of the whole model. No torch here."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from multiprot.config import Section
from multiprot.encoders.section import EncoderSection


class SequenceStackConfig(Section):
    """Learned positions and gated convolutions on sequence tokens, before the streams meet."""

    positions: int = Field(default=1022, ge=1)
    """Residues that a place is learned for; a longer protein is cropped, or cut into windows."""
    start: Literal["random", "sinusoidal"] = "random"
    """What the places are before they learn: small random numbers, as in MASSA; or sines and
    cosines of many wavelengths (Vaswani et al. 2017), by which the difference of two tokens tells
    at once how far apart they are in the chain."""
    layers: int = Field(default=3, ge=0)
    """Gated convolutions."""
    kernel: int = Field(default=7, ge=1)
    """Residues that one convolution sees; odd."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of channels dropped before each convolution."""

    @model_validator(mode="after")
    def _kernel_has_a_middle(self) -> Self:
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel {self.kernel} has no middle residue; give an odd number")
        return self


class GoExchangeConfig(Section):
    """GO terms as something the model reads: a set of them, and residues, look at each other."""

    width: int = Field(default=128, ge=2)
    """Channels of a GO term's token."""
    heads: int = Field(default=4, ge=1)
    """Attention heads of GO tokens; must divide `width`."""
    set_layers: int = Field(default=3, ge=0)
    """Layers in which a protein's terms look at one another."""
    layers: int = Field(default=3, ge=1)
    """Layers in which residues and terms look at each other."""
    ffn_multiple: float = Field(default=4.0, gt=0)
    """Hidden channels of a feed-forward block, in units of its width."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of channels dropped after attention and inside feed-forward blocks."""

    @model_validator(mode="after")
    def _heads_fit_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self


class FusionConfig(Section):
    """How the streams meet, are pooled and projected."""

    width: int = Field(default=128, ge=2)
    """Channels of sequence, structure and fused tokens and of the protein vector."""
    residues: Literal["cross-attention", "self-attention", "alone"] = "cross-attention"
    """How residues of the two streams meet: each stream looks at the other, and then they are
    summed; or they are concatenated residue by residue and then look at one another (MASSA). Or
    there is one encoder, and its tokens are left "alone": they are the fused ones, as they are, or
    behind one linear map where `width` is another than theirs."""
    layers: int = Field(default=2, ge=0)
    """Rounds in which residues look at each other; 0 leaves only the sum, or concatenation. Where
    residues are left alone, it must be 0."""
    heads: int = Field(default=4, ge=1)
    """Attention heads of each round; must divide `width` into even parts (rotary positions)."""
    ffn_multiple: float = Field(default=2.0, gt=0)
    """Hidden channels of a feed-forward block, in units of `width`."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of channels dropped after attention and inside feed-forward blocks."""
    norm_first: bool = True
    """Norms stand before self-attention and the GO exchange's layers; false: behind them, as in
    MASSA, which learns at small rates only. Cross-attention has them before in any case."""
    gate_init: float = 0.5
    """Start of the learned gates; 0 would keep the streams from meeting in the first steps."""
    rotary_base: float = Field(default=10_000.0, gt=1)
    """Longest wavelength of the rotary positions, residues / 2π (Su et al. 2021)."""
    pooling: Literal["attention", "mean", "norm-softmax"] = "attention"
    """How tokens become a protein's vector: learned queries beside means of each stream and the
    length; or, without weights of its own, the mean, or a mean weighted by the softmax of the
    tokens' lengths (MASSA), of which a few tokens may take all."""
    pooling_heads: int = Field(default=4, ge=1)
    """Learned queries of the attention pooling; must divide `width`."""
    shared_dim: int = Field(default=128, ge=0)
    """Channels of the space that proteins and GO terms share; 0 for a model without GO and without
    such a space."""
    sequence_stack: SequenceStackConfig | None = None
    """Positions and convolutions of sequence tokens, or null for none."""
    go_exchange: GoExchangeConfig | None = None
    """How the model reads GO terms, or null for a model that only learns to predict them."""

    @model_validator(mode="after")
    def _nobody_to_look_at(self) -> Self:
        if self.residues == "alone" and self.layers:
            raise ValueError(
                f"layers {self.layers}, but residues that are left alone do not look at each "
                "other; set layers to 0, or residues to self-attention"
            )
        return self

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
        if self.fusion.residues == "alone" and None not in (self.sequence, self.structure):
            raise ValueError(
                "fusion.residues alone with a sequence and a structure encoder; set one of them to "
                "null, or choose how they meet"
            )
        if self.sequence is None and self.fusion.sequence_stack is not None:
            raise ValueError(
                "fusion.sequence_stack without a sequence encoder; choose one, or set it to null"
            )
        if self.go is not None and not self.fusion.shared_dim:
            raise ValueError(
                "fusion.shared_dim 0 with a GO encoder, whose terms lie in that space; give it "
                "some channels, or set go to null"
            )
        if self.go is None and self.fusion.go_exchange is not None:
            raise ValueError(
                "fusion.go_exchange without a GO encoder; choose one, or set it to null"
            )
        return self
