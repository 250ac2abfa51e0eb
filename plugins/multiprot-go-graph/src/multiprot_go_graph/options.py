"""Options of the GO graph encoder."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from multiprot.config import Section


class GoGraphOptions(Section):
    """What a recipe may write under `model.go.options`."""

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
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of channels of each round's contribution dropped in training."""
