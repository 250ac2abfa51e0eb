"""Features of a structure, computed anew in every step: a graph for each protein."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.massa_plain.proteins import PlainProtein


@dataclass(frozen=True, slots=True)
class PlainGraph:
    """Nearest-neighbour graph of one protein.

    Attributes
    ----------
    node_scalars, node_vectors
        float32 [residue, 6] and [residue, 3, xyz].
    edge_scalars, edge_vectors
        float32 [edge, 32] and [edge, 1, xyz].
    edges
        int64 [sender or receiver, edge].
    """

    node_scalars: Tensor
    node_vectors: Tensor
    edge_scalars: Tensor
    edge_vectors: Tensor
    edges: Tensor


def featurise(protein: PlainProtein, neighbours: int) -> PlainGraph:
    """What the GVP reads, from coordinates, as in every released step."""
    atoms = torch.tensor(protein.coordinates)
    alpha = atoms[:, 1]
    count = min(neighbours, len(alpha) - 1)
    apart = torch.cdist(alpha, alpha).fill_diagonal_(math.inf)
    senders = apart.topk(count, largest=False).indices.flatten()
    receivers = torch.arange(len(alpha)).repeat_interleave(count)
    between = alpha[senders] - alpha[receivers]
    distances = between.norm(dim=-1, keepdim=True)
    radial = torch.exp(-(((distances - torch.linspace(0.0, 20.0, 16)) / 1.25) ** 2))
    frequencies = torch.exp(torch.arange(0, 16, 2) * (-math.log(10_000.0) / 16))
    angles = (senders - receivers).unsqueeze(-1) * frequencies
    return PlainGraph(
        node_scalars=_dihedrals(atoms[:, :3]),
        node_vectors=torch.stack([*_along_chain(alpha), _side_chains(atoms)], dim=1),
        edge_scalars=torch.cat([radial, angles.cos(), angles.sin()], dim=-1),
        edge_vectors=_unit(between).unsqueeze(1),
        edges=torch.stack([senders, receivers]),
    )


def _unit(vectors: Tensor) -> Tensor:
    return F.normalize(vectors, dim=-1, eps=1e-8)


def _dihedrals(backbone: Tensor) -> Tensor:
    """Cosines and sines of φ, ψ and ω [residue, 6]; an angle of 0 where there is none."""
    bonds = _unit(backbone.reshape(-1, 3).diff(dim=0))
    first, middle, last = bonds[:-2], bonds[1:-1], bonds[2:]
    left, right = torch.linalg.cross(first, middle), torch.linalg.cross(middle, last)
    angles = torch.atan2((first * right).sum(-1), (left * right).sum(-1))
    angles = F.pad(angles, (1, 2)).view(-1, 3)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def _along_chain(alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Directions to the next and to the former CA; zeros at the ends."""
    steps = _unit(alpha.diff(dim=0))
    return F.pad(steps, (0, 0, 0, 1)), F.pad(-steps, (0, 0, 1, 0))


def _side_chains(atoms: Tensor) -> Tensor:
    """Directions in which a tetrahedral CA bears its side chain."""
    to_n, to_c = _unit(atoms[:, 0] - atoms[:, 1]), _unit(atoms[:, 2] - atoms[:, 1])
    bisector, normal = _unit(to_c + to_n), _unit(torch.linalg.cross(to_c, to_n))
    return -bisector * math.sqrt(1 / 3) - normal * math.sqrt(2 / 3)
