"""Rotary positions: attention scores depend on how far apart two residues are in the chain.

Su et al. 2021, "RoFormer", arXiv:2104.09864. Where queries and keys come from different streams of
one protein, both are numbered by residue, so residue r of one finds residue r of the other at
distance 0.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rotary_turns(positions: Tensor, channels: int, base: float) -> Tensor:
    """Turns e^{i · position · frequency}, complex64 [residue, channel / 2].

    Parameters
    ----------
    positions
        int64 [residue]: position of each residue in its protein.
    channels
        Channels of one attention head, an even number.
    base
        Longest wavelength, residues / 2π.
    """
    angles = _angles(positions, channels, base)
    return torch.complex(angles.cos(), angles.sin())


def real_turns(positions: Tensor, channels: int, base: float) -> Tensor:
    """`rotary_turns` as float32 [residue, channel / 2, 2], their cosines and sines."""
    angles = _angles(positions, channels, base)
    return torch.stack((angles.cos(), angles.sin()), dim=-1)


def _angles(positions: Tensor, channels: int, base: float) -> Tensor:
    exponents = torch.arange(0, channels, 2, device=positions.device).float() / channels
    return positions.float()[:, None] * base**-exponents


def rotate(vectors: Tensor, turns: Tensor) -> Tensor:
    """`vectors` [..., residue, head, channel], each pair of channels turned by its angle.

    Computed in float32 (an angle of hundreds of radians needs the digits), returned as it came.
    One complex product is three times as fast as sines and cosines apart. torch.compile makes no
    code of complex numbers, but a single loop of real ones.

    Parameters
    ----------
    vectors
        Of any floating type.
    turns
        As `rotary_turns` gives them, or as `real_turns` does.
    """
    pairs = vectors.float().reshape(*vectors.shape[:-1], vectors.shape[-1] // 2, 2)
    if turns.is_complex():
        turned = torch.view_as_real(torch.view_as_complex(pairs) * turns[:, None, :])
    else:
        (cosine, sine), (left, right) = turns[:, None].unbind(-1), pairs.unbind(-1)
        turned = torch.stack((left * cosine - right * sine, left * sine + right * cosine), dim=-1)
    return turned.flatten(-2).to(vectors.dtype)
