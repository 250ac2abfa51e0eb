"""The fields of config.json that shape a model, checked before torch is imported."""

from __future__ import annotations

from typing import Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from multiprot.config import Section
from multiprot_prottrans.family import Family
from multiprot_prottrans.options import HEADS, LAYERS, WIDTH, ProtTransOptions


class T5Shape(Section):
    """Fields of `transformers.T5Config`; a default is what a file that leaves it out means."""

    vocab_size: PositiveInt = 32128
    """Rows of the embedding."""
    d_model: PositiveInt = 512
    """Channels of a token."""
    d_kv: PositiveInt = 64
    """Channels of a head."""
    d_ff: PositiveInt = 2048
    """Hidden channels of a feed-forward."""
    num_layers: PositiveInt = 6
    """Layers of the encoder."""
    num_heads: PositiveInt = 8
    """Attention heads."""
    relative_attention_num_buckets: int = Field(default=32, ge=4)
    """Classes of distance along the chain."""
    relative_attention_max_distance: int = Field(default=128, ge=2)
    """Residues apart from which on all distances are one class."""
    dropout_rate: float = Field(default=0.1, ge=0, lt=1)
    """Share dropped in training."""
    layer_norm_epsilon: PositiveFloat = 1e-6
    """Added to the mean square in a norm."""
    initializer_factor: PositiveFloat = 1.0
    """Scale of random weights."""
    feed_forward_proj: str = Field(default="relu", pattern=r"^(gated-)?[a-z_]+$")
    """Activation of the feed-forward, gated or not."""

    @classmethod
    def from_scratch(cls, family: Family, options: ProtTransOptions, tokens: int) -> Self:
        """The shape that `options` ask for, with a vocabulary of `tokens`."""
        width, heads = options.width or WIDTH, options.heads or HEADS
        return cls(
            vocab_size=tokens,
            d_model=width,
            d_kv=width // heads,
            d_ff=options.feed_forward_width or 4 * width,
            num_layers=options.layers or LAYERS,
            num_heads=heads,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu" if family.gated else "relu",
            relative_attention_num_buckets=family.distance_buckets,
        )

    def with_dropout(self, dropout: float) -> Self:
        """The same shape with another dropout."""
        return self.model_copy(update={"dropout_rate": dropout})

    @property
    def gated(self) -> bool:
        """One half of a feed-forward's hidden channels multiplies the other."""
        return self.feed_forward_proj.startswith("gated-")

    @property
    def positions(self) -> None:
        """Learned positions: none, distances are relative and beyond a maximum all alike."""
        return


class BertShape(Section):
    """Fields of `transformers.BertConfig`; a default is what a file that leaves it out means."""

    vocab_size: PositiveInt = 30522
    """Rows of the embedding."""
    hidden_size: PositiveInt = 768
    """Channels of a token."""
    num_hidden_layers: PositiveInt = 12
    """Layers."""
    num_attention_heads: PositiveInt = 12
    """Attention heads."""
    intermediate_size: PositiveInt = 3072
    """Hidden channels of a feed-forward."""
    hidden_act: str = "gelu"
    """Activation of the feed-forward."""
    hidden_dropout_prob: float = Field(default=0.1, ge=0, lt=1)
    """Share of channels dropped in training."""
    attention_probs_dropout_prob: float = Field(default=0.1, ge=0, lt=1)
    """Share of attention weights dropped in training."""
    max_position_embeddings: int = Field(default=512, ge=3)
    """Learned positions, those of [CLS] and [SEP] included."""
    type_vocab_size: PositiveInt = 2
    """Kinds of segments; a protein is of the first."""
    initializer_range: PositiveFloat = 0.02
    """Standard deviation of random weights."""
    layer_norm_eps: PositiveFloat = 1e-12
    """Added to the variance in a norm."""

    @classmethod
    def from_scratch(cls, family: Family, options: ProtTransOptions, tokens: int) -> Self:
        """The shape that `options` ask for, with a vocabulary of `tokens`."""
        width, heads = options.width or WIDTH, options.heads or HEADS
        return cls(
            vocab_size=tokens,
            hidden_size=width,
            num_hidden_layers=options.layers or LAYERS,
            num_attention_heads=heads,
            intermediate_size=options.feed_forward_width or 4 * width,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            # ProtBert's own pretraining ended with windows of 2,048 tokens.
            max_position_embeddings=(options.max_residues or 2046) + 2,
            # Xavier's rule for a square matrix. BERT's 0.02 is meant for wide models: at width 32
            # a simple repeat was not learned in 480 steps with it, and in 240 with this.
            initializer_range=width**-0.5,
        )

    def with_dropout(self, dropout: float) -> Self:
        """The same shape with another dropout."""
        return self.model_copy(
            update={"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
        )

    @property
    def gated(self) -> bool:
        """BERT's feed-forward never is."""
        return False

    @property
    def positions(self) -> int:
        """Learned positions."""
        return self.max_position_embeddings

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is no multiple of num_attention_heads, "
                f"{self.num_attention_heads}"
            )
        return self


Shape = T5Shape | BertShape
"""Either of the two."""

SHAPES: dict[str, type[T5Shape] | type[BertShape]] = {"t5": T5Shape, "bert": BertShape}
"""The shape of each `Family.kind`."""
