"""What `multiprot data sequences` is asked to do. No torch here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from multiprot.config import Section


class SequenceBuildOptions(Section):
    """Which proteins are kept, and how they are stored."""

    splits: Path | None = None
    """TSV with protein_id and split: valid proteins make the valid split, test proteins are left
    out, and all others, those that the table does not name too, are trained on."""

    exclude: Path | None = None
    """TSV of proteins to leave out: protein_id, task, …"""

    exclude_tasks: tuple[str, ...] = ()
    """Use only the rows of these tasks; repeatable. None: all rows of the list."""

    share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Share of the train proteins to keep, chosen by a hash of their sequence."""

    shortest: Annotated[int, Field(ge=1)] = 1
    """Proteins of fewer residues are left out."""

    five_bits: bool = False
    """Store a residue in 5 bits, which is smaller to send, instead of 8, which are mapped into
    memory as they are."""

    shard_residues: Annotated[int, Field(ge=1)] = 2**27
    """A file of residues is ended when it holds this many."""

    @model_validator(mode="after")
    def _tasks_are_of_a_list(self) -> Self:
        if self.exclude_tasks and self.exclude is None:
            raise ValueError("exclude_tasks given without an exclusion list; give exclude, too")
        return self
