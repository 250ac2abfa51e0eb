"""Learned positions and gated convolutions over sequence tokens, as MASSA has them.

  x⁰ = tokens + positions;  xˡ⁺¹ = √½ · (xˡ + GLU(conv_k(dropout(xˡ))));  out = norm(x^layers)

Gated convolutions: Dauphin et al. 2017, arXiv:1612.08083; in proteins MASSA, Hu et al. 2023,
Adv. Sci. 10(22) 2301223.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from multiprot.encoders.contract import ResidueTokens
from multiprot.errors import DataError
from multiprot.fusion.config import SequenceStackConfig
from multiprot.fusion.tokens import cleared

_POSITION_SCALE = 0.02
_LONGEST = 10_000.0


class SequenceStack(nn.Module):
    """Tells residues their place in the chain, and what stands beside them."""

    def __init__(self, config: SequenceStackConfig, width: int) -> None:
        super().__init__()
        self.positions = nn.Embedding(config.positions, width)
        nn.init.normal_(self.positions.weight, std=_POSITION_SCALE)
        if config.start == "sinusoidal":
            with torch.no_grad():
                self.positions.weight.copy_(sinusoids(config.positions, width))
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, 2 * width, config.kernel, padding=config.kernel // 2)
            for _ in range(config.layers)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: ResidueTokens) -> ResidueTokens:
        """Tokens [protein, residue, width], exact zeros where the mask is False.

        Raises
        ------
        DataError
            If a protein is longer than there are positions.
        """
        residues, known = tokens.values.shape[1], self.positions.num_embeddings
        if residues > known and bool(tokens.mask[:, known:].any()):
            longest = int(tokens.mask.any(dim=0).nonzero().max()) + 1
            raise DataError(
                f"a protein of {longest} residues for fusion.sequence_stack.positions {known}; "
                "crop it (batch.crop_residues), cut it into windows, or train with more positions"
            )
        places = torch.arange(residues, device=tokens.mask.device).clamp(max=known - 1)
        values = cleared(tokens.values + self.positions(places), tokens.mask)
        for convolution in self.convolutions:
            values = cleared(self._gated(convolution, values), tokens.mask)
        return ResidueTokens(cleared(self.norm(values), tokens.mask), tokens.mask)

    def _gated(self, convolution: nn.Module, values: Tensor) -> Tensor:
        # Behind the mask are zeros, as beyond the ends of a chain that stands alone.
        seen: Tensor = convolution(self.dropout(values).transpose(1, 2))
        return (values + functional.glu(seen, dim=1).transpose(1, 2)) * math.sqrt(0.5)


def sinusoids(positions: int, width: int) -> Tensor:
    """Sines and cosines [position, width] of wavelengths from 2π to 2π · 10,000 residues.

    From Vaswani et al. 2017, arXiv:1706.03762. The squares of the differences of two places' sine
    and cosine of one wavelength add up to a function of how far apart the places are.
    """
    pairs = torch.arange((width + 1) // 2)
    angles = torch.arange(positions)[:, None] / _LONGEST ** (2 * pairs / width)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]
