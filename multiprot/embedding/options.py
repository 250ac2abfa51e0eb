"""Settings of an embedding run."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from multiprot.config import Section
from multiprot.encoders.plugin import Precision

Space = Literal["protein", "shared"]
Modalities = Literal["all", "sequence", "structure"]


DEFAULT_MODEL: Final = "mini"
"""What embeds where no model is named: the encoder whose weights multiprot-mini brings."""


class EmbedOptions(Section):
    """How proteins become vectors. All of it is written into the store's manifest."""

    space: Space = "protein"
    """"protein": the pooled vector of the model's width; "shared": its unit-length projection into
    the space shared with GO terms."""
    modalities: Modalities = "all"
    """What may be used of each record: all that both record and model have, or one alone."""
    long_proteins: Literal["window", "refuse"] = "window"
    """What to do with a protein longer than the model takes: embed overlapping windows and join
    them, or refuse it. It is never cut."""
    window_overlap: int = Field(default=64, ge=0)
    """Residues that neighbouring windows share at least."""
    max_residues: int | None = Field(default=None, ge=1)
    """Longest protein, or window, embedded in one piece; None: the model's own limit."""
    tokens_per_batch: int | None = Field(default=None, ge=1)
    """Residues in one batch, padding included, where attention's share is counted as
    `quadratic_residues` says; a longer protein makes a batch of its own. None: 4,096 on a CPU,
    65,536 on a GPU."""
    quadratic_residues: int = Field(default=4096, ge=1)
    """Length at which a residue counts twice, since it attends to as many others: a protein of L
    residues costs L + L²/quadratic_residues."""
    shard_residues: int = Field(default=1_048_576, ge=1)
    """Residues read ahead to be sorted by length, and stored together as one shard; with residue
    matrices fewer, so that they fit into 256 MiB."""
    shard_proteins: int = Field(default=16_384, ge=1)
    """Proteins in one shard at most."""
    precision: Precision = "fp32"
    """Arithmetic of the forward pass; vectors are float32 in any case."""
    compile: bool = False
    """Have torch.compile make faster code of an encoder alone when it is opened; takes a C++
    compiler, and up to minutes."""
