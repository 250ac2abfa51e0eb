"""What a residue brings with it: its dihedrals and, where wanted, its amino acid."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from multiprot.encoders.graphs import HIDDEN

PERIODIC_CHANNELS: Final = 9
STEPS_CENTRES: Final = 128
_SHARPNESS: Final = 10.0


class NodeInput(nn.Module):
    """First state of each residue: a linear map of its dihedrals plus a vector of its amino acid.

    Parameters
    ----------
    width
        Channels of the state.
    dihedrals
        "periodic", "steps" or "none", as in `GinOptions`.
    residues
        Whether amino acids are shown.
    """

    def __init__(self, width: int, dihedrals: str, residues: bool) -> None:
        super().__init__()
        self.legacy = dihedrals == "steps"
        channels = 2 * STEPS_CENTRES if self.legacy else PERIODIC_CHANNELS
        self.dihedral = None if dihedrals == "none" else nn.Linear(channels, width)
        self.residue = nn.Embedding(HIDDEN + 1, width) if residues else None

    def forward(self, graph: Data) -> Tensor:
        """States [node, width]."""
        parts = []
        if self.dihedral is not None:
            describe = steps_dihedrals if self.legacy else periodic_dihedrals
            channels = describe(graph.dihedrals, graph.defined)
            parts.append(self.dihedral(channels.to(self.dihedral.weight.dtype)))
        if self.residue is not None:
            parts.append(self.residue(graph.residues))
        return torch.stack(parts).sum(dim=0)


def periodic_dihedrals(angles: Tensor, defined: Tensor) -> Tensor:
    """Sines, cosines, whether defined: of phi, psi and omega, [node, 9]; zeros where undefined."""
    circle = torch.cat([angles.sin(), angles.cos()], dim=-1)
    return torch.cat([circle * torch.cat([defined, defined], dim=-1), defined], dim=-1)


def steps_dihedrals(angles: Tensor, defined: Tensor) -> Tensor:
    """Gaussians [node, 256] of phi and psi as STEPS has them; undefined: zeros, as its masked ones.

    Angles are divided by 180°, yet the 128 centres run from -π to π: few of them are ever reached,
    and the two sides of 180° have nothing in common. Here for comparison with STEPS only.
    """
    centres = torch.linspace(-math.pi, math.pi, STEPS_CENTRES, device=angles.device)
    fractions = angles[:, :2, None] / math.pi
    bumps = torch.exp(-_SHARPNESS * (fractions - centres).square())
    return (bumps * defined[:, :2, None]).flatten(1)
