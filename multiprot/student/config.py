"""The shape of a student. No torch here."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from multiprot.config import Section

HEAD_CHANNELS: Final = 64
"""Channels of an attention head: kernels of CPUs and GPUs are at their best there."""


class StudentConfig(Section):
    """Everything that decides which tensors a student has."""

    width: int = Field(default=192, ge=HEAD_CHANNELS, multiple_of=HEAD_CHANNELS)
    """Channels of a residue token; each 64 of them are an attention head."""
    layers: int = Field(default=5, ge=1)
    """Transformer blocks."""
    feed_forward_width: int | None = Field(default=None, ge=1)
    """Hidden channels of a gated feed-forward; by default 8/3 of `width`."""
    rotary_base: float = Field(default=10_000.0, gt=1, allow_inf_nan=False)
    """Base of the rotary positions' wavelengths (residues)."""
