"""Rotary positions: attention scores depend on how far apart two residues are in the chain.

Su et al. 2021, "RoFormer", arXiv:2104.09864. Here queries and keys come from different streams,
but both are numbered by residue, so residue r of one finds residue r of the other at distance 0.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rotary_angles(
    residues: int, channels: int, base: float, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Cosine and sine, float32 [residue, channel / 2], of position times frequency."""
    exponents = torch.arange(0, channels, 2, device=device, dtype=torch.float32) / channels
    positions = torch.arange(residues, device=device, dtype=torch.float32)
    angles = positions[:, None] * base**-exponents
    return angles.cos(), angles.sin()


def rotate(vectors: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
    """`vectors` [..., residue, channel], each pair (c, c + channel / 2) turned by its angle.

    Computed in float32 (an angle of hundreds of radians needs the digits), returned as it came.
    """
    cosine, sine = angles
    first, second = vectors.float().chunk(2, dim=-1)
    turned = torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)
    return turned.to(vectors.dtype)
