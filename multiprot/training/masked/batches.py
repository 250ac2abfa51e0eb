"""Packed batches with residues hidden: pure functions of seed, number and process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from multiprot.data.sequences import PackedPlan, SequenceSplit
from multiprot.encoders.reference.letters import MASK
from multiprot.objectives.configs import MaskedResidueConfig
from multiprot.objectives.masked_residue import choose_substitutes
from multiprot.proteins import AMINO_ACIDS
from multiprot.training.seeding import seed_at


@dataclass(frozen=True, slots=True, eq=False)
class MaskedBatch:
    """Pieces of proteins one behind another.

    Attributes
    ----------
    ids
        Their numbers in the split, as text, for messages.
    letters
        int64 [token]: what the model sees.
    lengths
        int64 [piece].
    hidden
        int64 [hidden residue]: where they stand, ascending.
    targets
        int64 [hidden residue]: what they are, positions in `AMINO_ACIDS`.
    """

    ids: tuple[str, ...]
    letters: Tensor
    lengths: Tensor
    hidden: Tensor
    targets: Tensor

    @property
    def residue_mask(self) -> Tensor:
        """bool [token]: all are residues."""
        return torch.ones(self.letters.shape, dtype=torch.bool)

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        """The same batch on `device`."""
        return self._map(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """The same batch in page-locked memory."""
        return self._map(lambda part: part.pin_memory())

    def _map(self, move: Callable[[Tensor], Tensor]) -> Self:
        return replace(
            self,
            letters=move(self.letters),
            lengths=move(self.lengths),
            hidden=move(self.hidden),
            targets=move(self.targets),
        )


class MaskedDataset(Dataset[MaskedBatch]):
    """Batches by number.

    Parameters
    ----------
    split
        The proteins.
    plan
        Which pieces make up which batch.
    masking
        How many residues are hidden, and behind what.
    place
        Seed, split and process: what the draws depend on besides the batch's number.
    """

    def __init__(
        self,
        split: SequenceSplit,
        plan: PackedPlan,
        masking: MaskedResidueConfig,
        place: tuple[int | str, ...],
    ) -> None:
        self._split, self._plan, self._masking, self._place = split, plan, masking, place

    def __getitem__(self, number: int) -> MaskedBatch:
        pieces = self._plan.pieces(number)
        whole = np.concatenate([self._split.residues(*piece) for piece in pieces])
        rng = torch.Generator().manual_seed(seed_at(*self._place, "corruption", number))
        return hide_residues(
            torch.from_numpy(whole.astype(np.int64)),
            torch.tensor([piece.stop - piece.start for piece in pieces]),
            self._masking,
            rng,
            ids=tuple(str(piece.protein) for piece in pieces),
        )


def hide_residues(
    residues: Tensor,
    lengths: Tensor,
    masking: MaskedResidueConfig,
    rng: torch.Generator,
    ids: tuple[str, ...] = (),
) -> MaskedBatch:
    """Hide each amino acid with probability `masking.rate`, and at least one of the batch.

    X, B, Z, J, U and O are never hidden. As in BERT (Devlin et al. 2019, arXiv:1810.04805) most
    hidden residues show the mask, some another amino acid, some themselves.

    Parameters
    ----------
    residues
        int64 [token], positions in `RESIDUE_LETTERS`.
    lengths
        int64 [piece].
    masking
        Rate and shares.
    rng
        Decides.
    ids
        Of the pieces.
    """
    lots = torch.rand(residues.shape, generator=rng)
    eligible = residues < len(AMINO_ACIDS)
    lots = lots.masked_fill(~eligible, torch.inf)
    hidden = torch.nonzero(eligible & (lots <= max(masking.rate, float(lots.min()))))[:, 0]
    substitutes = choose_substitutes(residues, masking, rng)
    shown = torch.where(substitutes >= 0, substitutes, MASK)
    letters = residues.clone()
    letters[hidden] = shown[hidden]
    return MaskedBatch(ids, letters, lengths, hidden, residues[hidden])
