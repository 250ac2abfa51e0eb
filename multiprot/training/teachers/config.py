"""A recipe's teachers. No torch, no lightning."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import model_validator

from multiprot.config import Section
from multiprot.embedding.options import EmbedOptions, Modalities, Space
from multiprot.encoders.plugin import Precision


class TeacherConfig(Section):
    """One teacher: a store of its vectors, the model that made or makes them, or both.

    With a store the vectors are read; `multiprot teach` makes it with the model. Without one the
    model itself is asked for each batch.
    """

    store: Path | None = None
    """Folder that `multiprot teach` or `multiprot embed` wrote, relative to the working directory.
    Proteins are found in it by their sequences, whatever their ids and order."""
    model: str | None = None
    """What `multiprot embed --model` takes: a bundle's folder, or an encoder as NAME:CHECKPOINT."""
    space: Space | None = None
    """Which of a bundle's vectors: "protein", or "shared", those that lie among GO terms. None:
    "protein" of a model; of a store without a model, what lies in it."""
    modalities: Modalities | None = None
    """What the teacher may use of each protein. None: "all" for a model; of a store without a
    model, what it was made with."""
    residues: bool = False
    """Whether it teaches the tokens of residues, too."""
    precision: Precision = "fp32"
    """Arithmetic of the teacher."""
    teach_crops: bool = False
    """Whether a batch that holds a part of a protein (batch.crop_residues) learns the vector of the
    whole, as in MTDP; else only whole proteins learn vectors. Tokens are cut as the crop cuts."""

    @model_validator(mode="after")
    def _has_vectors(self) -> Self:
        if self.store is None and self.model is None:
            raise ValueError("neither store nor model; give the folder of its vectors, or a model")
        return self

    def embed_options(self) -> EmbedOptions:
        """How its model embeds."""
        return EmbedOptions(
            space=self.space or "protein",
            modalities=self.modalities or "all",
            precision=self.precision,
        )


def by_name(teachers: Any) -> Any:
    """Teachers that were given as a list of stores, by the names of their folders.

    Raises
    ------
    ValueError
        If two folders have the same name.
    """
    if isinstance(teachers, Mapping) or not isinstance(teachers, list | tuple):
        return teachers
    named = {Path(str(store)).name: {"store": str(store)} for store in teachers}
    if len(named) < len(teachers):
        raise ValueError(
            f"teachers {', '.join(map(str, teachers))}: two folders of the same name; give a "
            "mapping of names, each with its store"
        )
    return named
