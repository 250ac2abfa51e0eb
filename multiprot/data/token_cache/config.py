"""Settings of the token cache. No torch here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from multiprot.config import Section

CachedModality = Literal["sequence", "structure"]
CacheDtype = Literal["fp32", "bf16", "fp16"]


class TokenCacheConfig(Section):
    """Tokens of frozen encoders, computed once and read from disk at every step."""

    path: Path
    """Folder of the cache, relative to the working directory; runs may share it."""
    encoders: tuple[CachedModality, ...] | None = Field(default=None, min_length=1)
    """Whose tokens are cached; null: those of every encoder that is wholly frozen. Of one that is
    named and frozen in part, such as `student` with `freeze: 1`, those of the frozen layers."""
    dtype: CacheDtype = "fp32"
    """Number format on disk. fp32 gives what the encoder gives; bf16 and fp16 take half the room
    and round to three digits."""
    long_proteins: Literal["refuse", "window"] = "refuse"
    """What is done with a protein that is longer than its encoder takes: stop before anything is
    computed, or encode it in overlapping windows, as `multiprot embed` does."""
