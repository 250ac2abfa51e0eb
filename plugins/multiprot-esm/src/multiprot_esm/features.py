"""Records to ESM token ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multiprot.encoders.contract import Layout
from multiprot.errors import DataError, PluginError
from multiprot.proteins import ProteinRecord, residue_indices
from multiprot_esm.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, eq=False)
class EsmFeatures:
    """Token ids of a batch.

    Attributes
    ----------
    tokens
        int64 [protein, longest protein + 2]: <cls>, residues, <eos>, then <pad>.
    mask
        bool [protein, longest protein]: False at padding.
    letters
        int64 [letter of `RESIDUE_LETTERS`]: token of each letter.
    mask_token
        Token of a hidden residue.
    padded
        Some protein is shorter than the longest.
    """

    tokens: Tensor
    mask: Tensor
    letters: Tensor
    mask_token: int
    padded: bool

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        """The same features on `device`."""
        return self._map(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """The same features in page-locked memory."""
        return self._map(lambda part: part.pin_memory())

    def _map(self, move: Callable[[Tensor], Tensor]) -> Self:
        return replace(
            self, tokens=move(self.tokens), mask=move(self.mask), letters=move(self.letters)
        )

    def mask_residues(self, masked: Tensor, substitutes: Tensor) -> Self:
        """Hide or replace residues, as `MaskableFeatures` says; padding stays padding."""
        shown = self.letters[substitutes.clamp(min=0)]
        shown = torch.where(substitutes >= 0, shown, self.mask_token)
        tokens = self.tokens.clone()
        residues = tokens[:, 1:-1]
        residues.copy_(torch.where(masked & self.mask, shown, residues))
        return replace(self, tokens=tokens)


@dataclass(frozen=True, slots=True)
class EsmFeaturizer:
    """Makes `EsmFeatures`.

    Attributes
    ----------
    vocabulary
        Token ids.
    max_residues
        Longest protein.
    """

    vocabulary: Vocabulary
    max_residues: int

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> EsmFeatures:
        """Token ids of `records`, row by row.

        Raises
        ------
        DataError
            If a protein is longer than `max_residues`; names it.
        PluginError
            If the layout is packed.
        """
        if layout is not Layout.PADDED:
            raise PluginError("esm2 takes padded batches only; its capabilities say packs=False")
        vocabulary = self.vocabulary
        lengths = np.array([len(record) for record in records], dtype=np.int64)
        self._check(records, lengths)
        longest = int(lengths.max(initial=0))
        letters = np.array(vocabulary.letters, dtype=np.int64)
        tokens = np.full((len(records), longest + 2), vocabulary.pad, dtype=np.int64)
        tokens[:, 0] = vocabulary.begin
        for row, record in enumerate(records):
            tokens[row, 1 : lengths[row] + 1] = letters[residue_indices(record.sequence)]
            tokens[row, lengths[row] + 1] = vocabulary.end
        return EsmFeatures(
            tokens=torch.from_numpy(tokens),
            mask=torch.from_numpy(np.arange(longest) < lengths[:, None]),
            letters=torch.from_numpy(letters),
            mask_token=vocabulary.mask,
            padded=bool((lengths < longest).any()),
        )

    def _check(self, records: Sequence[ProteinRecord], lengths: NDArray[np.int64]) -> None:
        for row in np.flatnonzero(lengths > self.max_residues).tolist():
            raise DataError(
                f"record {records[row].id}: {lengths[row]} residues, but esm2 takes at most "
                f"{self.max_residues}; window it, or raise the encoder's option max_residues"
            )
