"""The 3Di encoder: states in, one learned vector per state out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from multiprot.encoders.contract import Layout, PackedTokens, ResidueEncoder, ResidueTokens
from multiprot.proteins import (
    UNDEFINED_STATE,
    UNRESOLVED_STATE,
    ProteinRecord,
    fold_state_numbers,
)
from multiprot_foldtokens.options import FoldTokenOptions


@dataclass(frozen=True, slots=True, eq=False)
class FoldFeatures:
    """3Di states of a batch.

    Attributes
    ----------
    states
        int64 [protein, residue] in the padded layout, [residue of the batch] in the packed one:
        0–19 are states, 20 is a residue without a state, -1 padding and unresolved residues.
    offsets
        int32 [protein + 1] where the layout is packed, else None.
    """

    states: Tensor
    offsets: Tensor | None = None

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        """The same features on `device`."""
        return self._map(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """The same features in page-locked memory."""
        return self._map(lambda part: part.pin_memory())

    def _map(self, move: Callable[[Tensor], Tensor]) -> Self:
        return type(self)(move(self.states), None if self.offsets is None else move(self.offsets))


@dataclass(frozen=True, slots=True)
class FoldFeaturizer:
    """Makes `FoldFeatures`; all residues of a record without structure are unresolved.

    Attributes
    ----------
    ideal_c_beta
        Every Cβ is built from N, CA and C.
    """

    ideal_c_beta: bool

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> FoldFeatures:
        """Features of `records`; a residue needs N, CA and C to have a token."""
        states = [torch.from_numpy(self._states(record)) for record in records]
        if layout is Layout.PACKED:
            lengths = np.array([0, *(len(record) for record in records)])
            offsets = torch.from_numpy(np.cumsum(lengths).astype(np.int32))
            packed = torch.cat([torch.zeros(0, dtype=torch.int64), *states])
            return FoldFeatures(packed, offsets)
        longest = max((len(record) for record in records), default=0)
        padded = torch.full((len(records), longest), UNRESOLVED_STATE)
        for row, part in zip(padded, states, strict=True):
            row[: len(part)] = part
        return FoldFeatures(padded)

    def _states(self, record: ProteinRecord) -> np.ndarray:
        if record.structure is None:
            return np.full(len(record), UNRESOLVED_STATE, dtype=np.int64)
        return fold_state_numbers(record.structure, ideal_c_beta=self.ideal_c_beta)


class FoldTokenEncoder(ResidueEncoder[FoldFeatures]):
    """A learned vector for each of the twenty 3Di states and one for residues without a state.

    Shape law: [protein, residue, `token_dim`] for padded features, [residue, `token_dim`] for
    packed ones; zeros where a residue lacks N, CA or C.
    """

    def __init__(self, options: FoldTokenOptions) -> None:
        super().__init__()
        self.token_dim = options.token_dim
        self.featurizer = FoldFeaturizer(options.c_beta == "ideal")
        self.state = nn.Embedding(UNDEFINED_STATE + 1, options.token_dim)

    def forward(self, features: FoldFeatures) -> ResidueTokens | PackedTokens:
        """Tokens in the layout of `features`."""
        mask = features.states != UNRESOLVED_STATE
        values = self.state(features.states.clamp(min=0)) * mask.unsqueeze(-1)
        if features.offsets is not None:
            return PackedTokens(values, mask, features.offsets)
        return ResidueTokens(values, mask)
