"""Records as one unpadded row of token ids: the packed features of language models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import torch
from torch import Tensor

from multiprot.encoders.contract import Layout, PackedTokens
from multiprot.encoders.packed_attention import Packing
from multiprot.encoders.token_ids import TokenIdFeaturizer, TokenIds
from multiprot.proteins import ProteinRecord

FEWEST_TOKENS: Final = 64
"""Rows that a matrix product is given at least. With fewer than 8, other kernels take over and
round otherwise: a very short protein would have other tokens alone than in a batch."""


@dataclass(frozen=True, slots=True, eq=False)
class PackedTokenIds:
    """Token ids of a batch, proteins one behind another.

    Attributes
    ----------
    tokens
        int64 [token]: of each protein the token before it where there is one, its residues, and
        the token behind them.
    packing
        Where proteins begin and end in `tokens`.
    residues
        int64 [residue of the batch]: where the residues stand in `tokens`.
    offsets
        int32 [protein + 1]: cumulative numbers of residues, beginning with 0.
    letters
        int64 [letter of `RESIDUE_LETTERS`]: token of each letter.
    mask_token
        Token of a hidden residue.
    """

    tokens: Tensor
    packing: Packing
    residues: Tensor
    offsets: Tensor
    letters: Tensor
    mask_token: int

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        """The same features on `device`."""
        return self._map(
            lambda part: part.to(device, non_blocking=non_blocking),
            self.packing.to(device, non_blocking=non_blocking),
        )

    def pin_memory(self) -> Self:
        """The same features in page-locked memory."""
        return self._map(lambda part: part.pin_memory(), self.packing.pin_memory())

    def _map(self, move: Callable[[Tensor], Tensor], packing: Packing) -> Self:
        return replace(
            self,
            tokens=move(self.tokens),
            packing=packing,
            residues=move(self.residues),
            offsets=move(self.offsets),
            letters=move(self.letters),
        )

    def filled(self, pad: int) -> Self:
        """With `FEWEST_TOKENS` or more, by pads that are proteins of their own behind the others.

        Parameters
        ----------
        pad
            Token id.
        """
        lacking = FEWEST_TOKENS - self.packing.tokens
        if lacking <= 0:
            return self
        return replace(
            self,
            tokens=torch.nn.functional.pad(self.tokens, (0, lacking), value=pad),
            packing=Packing.of((*self.packing.lengths, *[1] * lacking)).to(self.tokens.device),
        )

    def of_residues(self, hidden: Tensor) -> PackedTokens:
        """The residues' rows of `hidden` [token, channel], where pads may stand behind the rest."""
        mask = torch.ones_like(self.residues, dtype=torch.bool)
        return PackedTokens(hidden[self.residues], mask, self.offsets)

    def mask_residues(self, masked: Tensor, substitutes: Tensor) -> Self:
        """Hide or replace residues, as `MaskableFeatures` says."""
        places = torch.arange(masked.shape[1], device=masked.device)
        inside = places < self.offsets.diff()[:, None]
        shown = self.letters[substitutes[inside].clamp(min=0)]
        shown = torch.where(substitutes[inside] >= 0, shown, self.mask_token)
        tokens = self.tokens.clone()
        tokens[self.residues] = torch.where(masked[inside], shown, tokens[self.residues])
        return replace(self, tokens=tokens)


@dataclass(frozen=True, slots=True)
class PackingTokenIdFeaturizer:
    """Makes token ids in both layouts, for encoders whose capabilities say `packs`.

    Attributes
    ----------
    padding
        Makes the padded layout; its vocabulary and limit hold for both.
    """

    padding: TokenIdFeaturizer

    def __call__(
        self, records: Sequence[ProteinRecord], layout: Layout
    ) -> TokenIds | PackedTokenIds:
        """Token ids of `records`, one after another.

        Raises
        ------
        DataError
            If a protein is longer than the limit; names it.
        """
        if layout is Layout.PADDED:
            return self.padding(records, layout)
        tokens, lengths = self.padding.row(records)
        vocabulary = self.padding.vocabulary
        lead = int(vocabulary.begin is not None)
        # Residue r of protein p stands behind all earlier residues and p + 1 leads and p ends.
        shifts = np.arange(len(lengths)) * (lead + 1) + lead
        residues = np.arange(lengths.sum()) + np.repeat(shifts, lengths)
        return PackedTokenIds(
            tokens=torch.from_numpy(tokens),
            packing=Packing.of((lengths + lead + 1).tolist()),
            residues=torch.from_numpy(residues),
            offsets=Packing.of(lengths.tolist()).offsets,
            letters=torch.tensor(vocabulary.letters),
            mask_token=vocabulary.mask,
        )
