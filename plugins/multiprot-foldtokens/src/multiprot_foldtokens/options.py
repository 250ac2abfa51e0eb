"""Options of the 3Di encoder."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from multiprot.config import Section


class FoldTokenOptions(Section):
    """What a recipe may write under `model.structure.options`."""

    token_dim: int = Field(default=64, ge=1)
    """Channels of a token."""
    c_beta: Literal["seen", "ideal"] = "seen"
    """Whose Cβ is used: `seen`, the structure's own, built only where it is missing, as Foldseek
    does; `ideal`, always built from N, CA and C. Only `ideal` tells a protein from its mirror
    image, and its states are not quite Foldseek's."""
