"""Proteins of different length: the padded rectangle and the packed row, and ways between them."""

from __future__ import annotations

import torch
from torch import Tensor

from multiprot.encoders.contract import Layout, PackedTokens, ResidueTokens


def residue_mask(lengths: Tensor, longest: int) -> Tensor:
    """Bool [protein, residue]: True before each protein's end.

    Parameters
    ----------
    lengths
        int64 [protein].
    longest
        Size of the residue axis.
    """
    return torch.arange(longest, device=lengths.device) < lengths[:, None]


def offsets_of(lengths: Tensor) -> Tensor:
    """int32 [protein + 1]: cumulative `lengths`, int64 [protein], beginning with 0."""
    return torch.nn.functional.pad(lengths.cumsum(0), (1, 0)).to(torch.int32)


def laid_out(
    values: Tensor, mask: Tensor, lengths: Tensor, layout: Layout, longest: int
) -> ResidueTokens | PackedTokens:
    """Packed values in the layout asked for; values where the mask is False become zero.

    Parameters
    ----------
    values
        [token, channel].
    mask
        bool [token].
    lengths
        int64 [protein].
    layout
        The layout of the result.
    longest
        Size of the residue axis of a padded result.
    """
    values = values.masked_fill(~mask[:, None], 0)
    if layout is Layout.PACKED:
        return PackedTokens(values, mask, offsets_of(lengths))
    inside = residue_mask(lengths, longest)
    padded = values.new_zeros((*inside.shape, values.shape[-1]))
    shown = torch.zeros_like(inside)
    padded[inside] = values
    shown[inside] = mask
    return ResidueTokens(padded, shown)
