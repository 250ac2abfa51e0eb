"""The GVP-GNN encoder: graphs of residues in, one token per residue out."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import PackedTokens, ResidueEncoder, ResidueTokens
from multiprot_gvp.features import HIDDEN, GvpFeatures, GvpFeaturizer
from multiprot_gvp.layers import Gvp, TupleNorm
from multiprot_gvp.message import GvpLayer, State
from multiprot_gvp.options import GvpOptions

RADIAL_CENTRES = 16
RADIAL_REACH = 20.0
"""Å, centre of the last radial basis function."""
OFFSET_CHANNELS = 16


class GvpEncoder(ResidueEncoder[GvpFeatures]):
    """GVP-GNN (Jing et al. 2021) on the nearest-neighbour graph of the backbone.

    Shape law: [protein, residue, `token_dim`] for padded features, [residue, `token_dim`] for
    packed ones; zeros where a residue has no frame. Residues' identities are told it only where
    the option `residues` says so.
    """

    def __init__(self, options: GvpOptions) -> None:
        super().__init__()
        nodes = (options.node_scalars, options.node_vectors)
        edges = (options.edge_scalars, options.edge_vectors)
        self.token_dim = options.token_dim or options.node_scalars
        self.featurizer = GvpFeaturizer(options.neighbours)
        self.node_input = Gvp((6, 3), nodes, activated=False, gate=False)
        self.residue = nn.Embedding(HIDDEN + 1, nodes[0]) if options.residues else None
        self.node_norm = TupleNorm(nodes[0])
        pair = (RADIAL_CENTRES + OFFSET_CHANNELS, 1)
        self.edge_input = Gvp(pair, edges, activated=False, gate=False)
        self.edge_norm = TupleNorm(edges[0])
        self.layers = nn.ModuleList(GvpLayer(options) for _ in range(options.layers))
        # Without the ReLU of the published code: what reads tokens should see both signs.
        self.output = Gvp(nodes, (self.token_dim, 0), activated=False, gate=False)

    def forward(self, features: GvpFeatures) -> ResidueTokens | PackedTokens:
        """Tokens in the layout of `features`."""
        tokens, _ = self.output(*self._states(features))
        table = tokens.new_zeros(features.mask.numel(), self.token_dim)
        values = table.index_copy(0, features.graph.rows, tokens)
        values = values.view(*features.mask.shape, self.token_dim)
        if features.offsets is not None:
            return PackedTokens(values, features.mask, features.offsets)
        return ResidueTokens(values, features.mask)

    def node_states(self, features: GvpFeatures) -> State:
        """Scalars [node, channel] and vectors [node, channel, xyz] after the last layer.

        Scalars do not change and vectors turn with the protein when it is rotated.
        """
        scalars, vectors = self._states(features)
        return scalars, vectors.permute(1, 2, 0)

    def _states(self, features: GvpFeatures) -> State:
        graph = features.graph
        dtype = self.node_norm.norm.weight.dtype
        present = None if features.complete else graph.present
        vectors = graph.vectors.to(dtype).permute(2, 0, 1)
        scalars, vectors = self.node_input(graph.scalars.to(dtype), vectors)
        if self.residue is not None:
            scalars = scalars + self.residue(graph.residues)
        nodes: State = self.node_norm(scalars, vectors)
        distances, directions = pair_geometry(graph.alpha, graph.neighbours)
        pairs = torch.cat([radial_basis(distances), offset_waves(graph.offsets)], dim=-1)
        edges: State = self.edge_norm(
            *self.edge_input(pairs.to(dtype), directions.to(dtype).unsqueeze(-1))
        )
        for layer in self.layers:
            nodes = layer(nodes, edges, graph.neighbours, present)
        return nodes


def pair_geometry(alpha: Tensor, neighbours: Tensor) -> tuple[Tensor, Tensor]:
    """Distances in Å [node, neighbour] and unit vectors [xyz, node, neighbour] to neighbours.

    Parameters
    ----------
    alpha
        CA in Å [node, xyz].
    neighbours
        int64 [node, neighbour].
    """
    places = alpha.t()
    found = places.index_select(1, neighbours.flatten()).view(3, *neighbours.shape)
    difference = found - places.unsqueeze(-1)
    distances = difference.square().sum(0).sqrt()
    return distances, difference / distances.clamp(min=1e-6)


def radial_basis(distances: Tensor) -> Tensor:
    """Sixteen Gaussians [node, neighbour, centre] of distances in Å, centres from 0 to 20 Å."""
    centres = torch.linspace(0.0, RADIAL_REACH, RADIAL_CENTRES, device=distances.device)
    width = RADIAL_REACH / RADIAL_CENTRES
    return torch.exp(-((distances.unsqueeze(-1) - centres) / width).square())


def offset_waves(offsets: Tensor) -> Tensor:
    """Cosines and sines [node, neighbour, 16] of sequence offsets; zeros where the offset is 0.

    Zero means that no offset is defined; a defined one always has cosines and sines of length one.
    """
    steps = torch.arange(0, OFFSET_CHANNELS, 2, device=offsets.device)
    frequencies = torch.exp(steps * (-math.log(10_000.0) / OFFSET_CHANNELS))
    # Few distinct offsets, many pairs: sines are looked up, not computed pair by pair.
    reach = int(offsets.abs().max()) if offsets.numel() else 0
    angles = torch.arange(-reach, reach + 1, device=offsets.device).unsqueeze(-1) * frequencies
    waves = torch.cat([angles.cos(), angles.sin()], dim=-1)
    waves[reach] = 0.0
    return waves.index_select(0, (offsets + reach).flatten()).view(*offsets.shape, OFFSET_CHANNELS)
