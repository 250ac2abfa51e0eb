"""Options of the three GO encoders."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from multiprot.config import Section


class GoGraphOptions(Section):
    """What a recipe may write under `model.go.options` of `go-graph`."""

    width: int = Field(default=128, ge=1)
    """Channels of a term's vector."""
    layers: int = Field(default=2, ge=0)
    """Rounds of message passing; a term hears of terms this many edges away."""
    direction: Literal["ancestors", "both"] = "ancestors"
    """Whom a term hears of: its parents, or its parents and its children. Children make every
    request reach far more of the graph."""
    identity_rank: int = Field(default=32, ge=0)
    """Channels of a term's own learned row, summed over its ancestors; 0 for none, so that a vector
    says only what the names and the graph say."""
    text_buckets: int = Field(default=8192, ge=0)
    """Hash buckets of the names' words and letter triples; 0 for no text."""
    text_rank: int = Field(default=64, ge=1)
    """Channels of a bucket."""
    information: Literal["none", "intrinsic", "file", "saved"] = "none"
    """Information content as a feature of a term: none; intrinsic, from the number of terms below
    it; or from `information_file`. A saved model says saved: the values come with its weights, and
    are zero until then."""
    information_file: str | None = None
    """Table of term ids and information contents, tab-separated, for `information: file`."""
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of channels of each round's contribution dropped in training."""

    @model_validator(mode="after")
    def _file_where_asked_for(self) -> Self:
        if (self.information == "file") != (self.information_file is not None):
            raise ValueError(
                f"information {self.information!r} and information_file {self.information_file!r} "
                "do not go together; a file is needed for information: file, and only there"
            )
        return self


class StaticOptions(Section):
    """What the encoders with one fixed vector per term have in common."""

    width: int | None = Field(default=None, ge=1)
    """Channels of a term's vector, by a learned linear map; null: the fixed vector itself."""
    trainable: bool = False
    """The fixed vectors are only where learning starts from."""
    spread: float = Field(default=0.1, ge=0.0, allow_inf_nan=False)
    """How far a term without a vector of its own is set apart from the mean of its parents, as a
    share of the median distance between known terms and that mean. With 0, siblings without
    vectors share one."""
    stored_width: int | None = Field(default=None, ge=1)
    """Channels of the fixed vectors that a saved model carries with its weights; random until these
    are loaded. Nobody writes this by hand."""


class GoVectorsOptions(StaticOptions):
    """What a recipe may write under `model.go.options` of `go-vectors`."""

    vectors: str | None = None
    """File with a vector per term: .npz (arrays ids and vectors), .tsv or .csv (id, numbers), or
    the text format of word2vec (.txt, .vec); text may be compressed (.gz, .xz)."""
    format: Literal["npz", "tsv", "csv", "word2vec"] | None = None
    """Format of the file; null: as its name says."""
    retired: Literal["refuse", "map"] = "refuse"
    """Rows of obsolete ids: an error that names the replacement, or moved to the replacement where
    that has no row of its own, and left out where there is none."""
    others: Literal["refuse", "skip"] = "refuse"
    """Rows whose id is not in the release or no GO id at all: an error, or left out and counted."""
    standardise: bool = False
    """Give every channel mean 0 and variance 1 over the terms that have a vector."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.vectors is None) == (self.stored_width is None):
            raise ValueError(
                "vectors is needed, the file with a vector per term"
                if self.vectors is None
                else "vectors and stored_width are both given; set stored_width to null"
            )
        return self


class GoTextOptions(StaticOptions):
    """What a recipe may write under `model.go.options` of `go-text`."""

    width: int | None = Field(default=128, ge=1)
    """Channels of a term's vector, by a learned linear map; null: the text's vector itself."""
    checkpoint: str | None = None
    """Local transformers folder of a text encoder (config.json, model.safetensors, tokenizer), or a
    sentence-transformers folder. Never the network."""
    definitions: bool = True
    """Read the name and the definition; false: the name alone."""
    pooling: Literal["mean", "first"] | None = None
    """A text's vector: the mean of its tokens, or its first token; null: as a sentence-transformers
    folder says, else mean."""
    max_tokens: int | None = Field(default=None, ge=3)
    """Cut texts to so many tokens, the model's own first and last ones included; null: nothing is
    cut, and a text longer than the model takes is an error."""
    tokens_per_batch: int = Field(default=8192, ge=1)
    """Tokens, padding included, that go through the text encoder at a time; changes no vector."""
    device: str = "cpu"
    """Where the text encoder runs: cpu, cuda, cuda:1, mps."""
    standardise: bool = True
    """Give every channel mean 0 and variance 1 over all terms: what all texts have in common is
    most of a text encoder's vector."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.checkpoint is None) == (self.stored_width is None):
            raise ValueError(
                "checkpoint is needed, the folder of a text encoder"
                if self.checkpoint is None
                else "checkpoint and stored_width are both given; set stored_width to null"
            )
        return self
