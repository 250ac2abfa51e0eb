"""Options of a student as a sequence encoder. No torch here."""

from __future__ import annotations

from typing import Any, Final, Self

from pydantic import Field, model_validator

from multiprot.encoders.learning import LearningOptions
from multiprot.encoders.pretrained import refuse_two_sources
from multiprot.student.config import PresetName

SHAPE_OPTIONS: Final = ("layers", "preset", "width")
"""Options that a checkpoint decides by itself."""


class ShippedOptions(LearningOptions):
    """What a recipe may write under `model.sequence.options` of a student that is there already."""

    architecture: dict[str, Any] | None = None
    """Complete shape as a saved model records it; nobody writes this by hand."""
    max_residues: int | None = Field(default=None, ge=1)
    """Longest protein it takes; null: no limit. Positions are rotary, so that longer proteins work
    than those it was trained on."""


class StudentOptions(ShippedOptions):
    """What a recipe may write under `model.sequence.options`.

    With `checkpoint` the model is read from a folder; else it is made from scratch.
    """

    checkpoint: str | None = None
    """Folder of a student, such as RUN/model of `multiprot pretrain`."""
    preset: PresetName | None = None
    """Shape from scratch by name, instead of layers and width: 2m, 8m, 20m or 35m."""
    layers: int | None = Field(default=None, ge=1)
    """Transformer blocks; 5 from scratch."""
    width: int | None = Field(default=None, ge=64, multiple_of=64)
    """Channels of a residue token, a multiple of 64; 192 from scratch."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        refuse_two_sources(self, SHAPE_OPTIONS)
        given = [name for name in ("layers", "width") if getattr(self, name) is not None]
        if self.preset is not None and given:
            raise ValueError(
                f"{given[0]} is decided by preset {self.preset}; leave one of them out"
            )
        return self
