"""Tokens computed earlier, in the place where a batch otherwise holds an encoder's features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from multiprot.encoders.contract import ResidueTokens


@dataclass(frozen=True, slots=True, eq=False)
class CachedTokens:
    """Features that are tokens already: a model takes them as they are and runs no encoder.

    Or, of an encoder that is frozen in part, no more than the part that learns.

    They cannot be masked: what the encoder saw when they were computed is in them.

    Attributes
    ----------
    values
        [protein, residue, channel] in the number format of the cache; 0 where `mask` is False.
    mask
        bool [protein, residue]; False at padding, at unresolved residues, and for a protein that
        lacks the modality or has it withheld.
    of_frozen_part
        They are tokens of the encoder's frozen part (`PartlyFrozen`), and not yet its own.
    """

    values: Tensor
    mask: Tensor
    of_frozen_part: bool = False

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        """The same tokens on `device`."""
        return self._map(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """The same tokens in page-locked memory."""
        return self._map(lambda part: part.pin_memory())

    def tokens(self) -> ResidueTokens:
        """What the encoder, or its frozen part, would have returned, in float32."""
        return ResidueTokens(self.values.float(), self.mask)

    def _map(self, move: Callable[[Tensor], Tensor]) -> Self:
        return replace(self, values=move(self.values), mask=move(self.mask))
