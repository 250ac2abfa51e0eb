"""The shape of a student. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field, model_validator

from multiprot.config import Section

HEAD_CHANNELS: Final = 64
"""Channels of an attention head: kernels of CPUs and GPUs are at their best there."""

PresetName = Literal["2m", "8m", "20m", "35m"]
"""A student's shape by its number of parameters, in millions."""

PRESETS: Final[Mapping[PresetName, Mapping[str, int]]] = {
    "2m": {"width": 256, "layers": 3, "feed_forward_width": 640},
    "8m": {"width": 384, "layers": 5, "feed_forward_width": 896},
    "20m": {"width": 512, "layers": 6, "feed_forward_width": 1408},
    "35m": {"width": 640, "layers": 7, "feed_forward_width": 1792},
}
"""Widths and hidden widths are multiples of 128. At equal parameters the wider and shallower of two
shapes is the faster; these are the widest that keep a depth in proportion.
benchmarks/student_shapes.py compares them. What a name means never changes: a better shape gets
another name."""


class StudentConfig(Section):
    """Everything that decides which tensors a student has."""

    preset: PresetName | None = Field(default=None, exclude=True)
    """Shape by name instead of `width`, `layers` and `feed_forward_width`: 2m, 8m, 20m or 35m. What
    is recorded is the shape itself."""
    width: int = Field(default=192, ge=HEAD_CHANNELS, multiple_of=HEAD_CHANNELS)
    """Channels of a residue token; each 64 of them are an attention head."""
    layers: int = Field(default=5, ge=1)
    """Transformer blocks."""
    feed_forward_width: int | None = Field(default=None, ge=1)
    """Hidden channels of a gated feed-forward; by default 8/3 of `width`."""
    rotary_base: float = Field(default=10_000.0, gt=1, allow_inf_nan=False)
    """Base of the rotary positions' wavelengths (residues)."""

    @model_validator(mode="before")
    @classmethod
    def _preset_becomes_shape(cls, given: Any) -> Any:
        name = given.get("preset") if isinstance(given, Mapping) else None
        if name is None or name not in PRESETS:
            return given
        for key, value in PRESETS[name].items():
            # A recipe is resolved on top of all defaults, so that these count as not given.
            if given.get(key) not in (None, value, cls.model_fields[key].default):
                raise ValueError(
                    f"{key} {given[key]} contradicts preset {name}, where it is {value}; leave one "
                    "of them out, or set what an extended recipe says to null"
                )
        rest = {key: value for key, value in given.items() if key != "preset"}
        return {**rest, **PRESETS[name]}
