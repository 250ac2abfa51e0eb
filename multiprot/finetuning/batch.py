"""What a learner takes in one step."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from multiprot.encoders.contract import Features
from multiprot.finetuning.joining import Joining


class _Movable:
    """Tensors, and what holds some, that go to a device together."""

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        """The same on `device`."""
        parts: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        moved = {
            name: part.to(device, non_blocking=non_blocking)
            for name, part in parts.items()
            if hasattr(part, "to")
        }
        return replace(self, **moved)  # type: ignore[type-var]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VectorBatch(_Movable):
    """Vectors that are known already.

    Attributes
    ----------
    ids
        Of the entries.
    first, second, ligand, nodes, wild_type
        As `PredictionHead.forward` takes them.
    labels
        As `label_tensor` gives them.
    """

    ids: tuple[str, ...]
    first: Tensor
    second: Tensor | None
    ligand: Tensor | None
    nodes: Tensor | None
    wild_type: Tensor | None
    labels: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProteinsBatch(_Movable):
    """Proteins whose vectors the model is to compute.

    Attributes
    ----------
    ids
        Of the entries.
    features
        Pieces of the proteins, as the model takes them.
    joining
        How pieces become proteins, or residues.
    first, second
        int64 [row]: which joined vector each row begins with, and which is the second of a pair.
    ligand
        As `PredictionHead.forward` takes it.
    wild_type
        int64 [row, protein]: joined vectors that a row is compared with, or None.
    labels
        As `label_tensor` gives them.
    """

    ids: tuple[str, ...]
    features: Features
    joining: Joining
    first: Tensor
    second: Tensor | None
    ligand: Tensor | None
    wild_type: Tensor | None
    labels: Tensor
