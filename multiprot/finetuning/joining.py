"""Windows of long proteins joined as in embedding, with gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from multiprot.data.windows import Window
from multiprot.embedding.windows import coverage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Joining:
    """Which share of what goes where.

    Attributes
    ----------
    by_residue
        Tokens are joined, not vectors of pieces.
    owners
        int64: of each piece, the protein; or of each residue of the pieces, one piece after
        another, its place among the residues of all proteins.
    shares
        float32, as `owners`: its weight in the mean.
    places
        int64 [residue of the pieces]: its place in the padded tokens, flattened; empty where
        vectors are joined.
    count
        Proteins, or their residues in all.
    """

    by_residue: bool
    owners: Tensor
    shares: Tensor
    places: Tensor
    count: int

    @classmethod
    def of(cls, windows: Sequence[tuple[Window, ...]], *, by_residue: bool) -> Joining:
        """The joining of proteins from their windows, in this order in the batch."""
        return _of_residues(windows) if by_residue else _of_proteins(windows)

    def to(self, device: torch.device, non_blocking: bool = False) -> Joining:
        """The same on `device`."""
        return Joining(
            by_residue=self.by_residue,
            owners=self.owners.to(device, non_blocking=non_blocking),
            shares=self.shares.to(device, non_blocking=non_blocking),
            places=self.places.to(device, non_blocking=non_blocking),
            count=self.count,
        )

    def __call__(self, vectors: Tensor, tokens: Tensor | None) -> Tensor:
        """float32 [protein or residue, width].

        Parameters
        ----------
        vectors
            [piece, width].
        tokens
            [piece, residue, width]; needed where residues are joined.
        """
        parts = vectors
        if self.by_residue and tokens is not None:
            parts = tokens.flatten(0, 1).index_select(0, self.places)
        joined = parts.new_zeros(self.count, parts.shape[1])
        return joined.index_add(0, self.owners, parts * self.shares[:, None])


def _of_proteins(windows: Sequence[tuple[Window, ...]]) -> Joining:
    owners, shares = [], []
    for protein, parts in enumerate(windows):
        per_residue = 1.0 / coverage(parts)
        weights = np.array([per_residue[start:stop].sum() for start, stop in parts])
        owners += [protein] * len(parts)
        shares += list(weights / weights.sum())
    return Joining(
        by_residue=False,
        owners=torch.tensor(owners),
        shares=torch.tensor(shares, dtype=torch.float32),
        places=torch.zeros(0, dtype=torch.int64),
        count=len(windows),
    )


def _of_residues(windows: Sequence[tuple[Window, ...]]) -> Joining:
    longest = max(stop - start for parts in windows for start, stop in parts)
    owners, shares, places, begin, piece = [], [], [], 0, 0
    for parts in windows:
        per_residue = 1.0 / coverage(parts)
        for start, stop in parts:
            owners.append(begin + np.arange(start, stop))
            shares.append(per_residue[start:stop])
            places.append(piece * longest + np.arange(stop - start))
            piece += 1
        begin += parts[-1][1]
    return Joining(
        by_residue=True,
        owners=torch.from_numpy(np.concatenate(owners)),
        shares=torch.from_numpy(np.concatenate(shares).astype(np.float32)),
        places=torch.from_numpy(np.concatenate(places)),
        count=begin,
    )
