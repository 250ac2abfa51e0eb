"""Sequences as letter indices: what the reference sequence encoder is fed with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from multiprot.encoders.contract import Layout
from multiprot.encoders.reference.ragged import residue_mask
from multiprot.errors import DataError
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord, residue_indices

MASK: Final = len(RESIDUE_LETTERS)
"""Index of the letter that hides a residue's identity; padding bears it too."""

LETTERS: Final = len(RESIDUE_LETTERS) + 1
"""Number of different indices."""


@dataclass(frozen=True, slots=True)
class LetterFeatures:
    """Letters of a batch.

    Attributes
    ----------
    letters
        int64 [protein, residue] if padded, [token] if packed: index in `RESIDUE_LETTERS`,
        or `MASK`.
    lengths
        int64 [protein].
    layout
        Which of the two.
    """

    letters: Tensor
    lengths: Tensor
    layout: Layout

    def to(self, device: torch.device, non_blocking: bool = False) -> LetterFeatures:
        """The same features on `device`."""
        return LetterFeatures(
            self.letters.to(device, non_blocking=non_blocking),
            self.lengths.to(device, non_blocking=non_blocking),
            self.layout,
        )

    def pin_memory(self) -> LetterFeatures:
        """The same features in page-locked memory."""
        return LetterFeatures(self.letters.pin_memory(), self.lengths.pin_memory(), self.layout)

    def mask_residues(self, masked: Tensor, substitutes: Tensor) -> LetterFeatures:
        """Hide or replace residues; the original is left untouched.

        Parameters
        ----------
        masked
            bool [protein, residue], padded whatever the layout; padding counts for nothing.
        substitutes
            int64 [protein, residue]; ≥ 0 where another letter is to be shown instead of `MASK`.
        """
        inside = residue_mask(self.lengths, masked.shape[1])
        shown = torch.where(substitutes >= 0, substitutes, MASK)
        if self.layout is Layout.PACKED:
            letters = torch.where(masked[inside], shown[inside], self.letters)
        else:
            letters = torch.where(masked & inside, shown, self.letters)
        return replace(self, letters=letters)


@dataclass(frozen=True, slots=True)
class LetterFeaturizer:
    """Records to letter indices; every one of X, B, Z, J, U and O keeps an index of its own.

    Attributes
    ----------
    encoder
        Name of the encoder, for messages.
    max_residues
        Longest protein it takes, or None.
    """

    encoder: str
    max_residues: int | None

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> LetterFeatures:
        """Letters of `records`, row by row.

        Raises
        ------
        DataError
            If a protein is longer than `max_residues`.
        """
        for record in records:
            if self.max_residues is not None and len(record) > self.max_residues:
                raise DataError(
                    f"record {record.id}: {len(record)} residues, but {self.encoder} takes at "
                    f"most {self.max_residues}; crop or window it, or raise max_residues"
                )
        rows = [torch.from_numpy(residue_indices(record.sequence)) for record in records]
        lengths = torch.tensor([len(row) for row in rows], dtype=torch.int64)
        if not rows:
            shape = (0,) if layout is Layout.PACKED else (0, 0)
            return LetterFeatures(torch.zeros(shape, dtype=torch.int64), lengths, layout)
        if layout is Layout.PACKED:
            return LetterFeatures(torch.cat(rows), lengths, layout)
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=MASK)
        return LetterFeatures(padded, lengths, layout)
