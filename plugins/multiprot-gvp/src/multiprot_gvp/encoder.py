"""The GVP-GNN encoder: graphs of residues in, one token per residue out."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import PackedTokens, ResidueEncoder, ResidueTokens
from multiprot.encoders.graphs import HIDDEN
from multiprot_gvp.features import GvpFeatures, GvpFeaturizer
from multiprot_gvp.geometry import CONTACT_REACH
from multiprot_gvp.layers import Gvp, TupleNorm
from multiprot_gvp.message import GvpLayer, State
from multiprot_gvp.options import GvpOptions

RADIAL_CENTRES = 16
OFFSET_CHANNELS = 16


class GvpEncoder(ResidueEncoder[GvpFeatures]):
    """GVP-GNN (Jing et al. 2021) on the nearest-neighbour graph of the backbone.

    Shape law: [protein, residue, `token_dim`] for padded features, [residue, `token_dim`] for
    packed ones; zeros where a residue has no frame. Residues' identities are told it only where
    the option `residues` says so.

    Attributes
    ----------
    vector_dim
        Vector channels of a residue.
    """

    def __init__(self, options: GvpOptions) -> None:
        super().__init__()
        nodes = (options.node_scalars, options.node_vectors)
        edges = (options.edge_scalars, options.edge_vectors)
        self.token_dim = options.token_dim or options.node_scalars
        self.vector_dim = options.node_vectors
        self.featurizer = GvpFeaturizer(options.neighbours)
        self.massa = options.ends == "massa"
        pairs = (RADIAL_CENTRES + OFFSET_CHANNELS, 1)
        self.node_input = Gvp((6, 3), nodes, activated=False, gate=False)
        self.residue = nn.Embedding(HIDDEN + 1, nodes[0]) if options.residues else None
        self.node_norm = TupleNorm(6 if self.massa else nodes[0])
        self.edge_input = Gvp(pairs, edges, activated=False, gate=False)
        self.edge_norm = TupleNorm(pairs[0] if self.massa else edges[0])
        self.layers = nn.ModuleList(GvpLayer(options) for _ in range(options.layers))
        # Only MASSA's ends in a ReLU: what reads tokens should see both signs.
        self.output = Gvp(nodes, (self.token_dim, 0), activated=self.massa, gate=False)
        self.last_norm = TupleNorm(nodes[0]) if self.massa else None
        self.token_norm = nn.LayerNorm(self.token_dim) if self.massa else None

    def forward(self, features: GvpFeatures) -> ResidueTokens | PackedTokens:
        """Tokens in the layout of `features`."""
        return features.tokens(self._tokens(*self._states(features)))

    def scalars_and_vectors(self, features: GvpFeatures) -> tuple[Tensor, Tensor]:
        """What residues are after the last layer, before it becomes a token.

        When the protein is turned, scalars stay and each vector turns with it; when it is moved,
        both stay. Vectors are without unit: over a residue's vectors, the mean square length is 1.

        Returns
        -------
        scalars : Tensor
            [protein, residue, channel], or [residue, channel] where `features` are packed.
        vectors : Tensor
            [protein, residue, vector, xyz], or [residue, vector, xyz]; in both, zeros where
            `features.mask` is False.
        """
        scalars, vectors = self._states(features)
        return features.table(scalars), features.table(vectors.permute(1, 2, 0))

    def _states(self, features: GvpFeatures) -> State:
        graph = features.graph
        dtype = self.output.scalars.weight.dtype
        present = None if features.complete else graph.present
        raw = graph.scalars.to(dtype), graph.vectors.to(dtype).permute(2, 0, 1)
        also = None if self.residue is None else self.residue(graph.residues)
        nodes = self._enter(self.node_input, self.node_norm, raw, also)
        distances, directions = pair_geometry(graph.alpha, graph.neighbours)
        pairs = torch.cat([radial_basis(distances), offset_waves(graph.offsets)], dim=-1)
        raw = pairs.to(dtype), directions.to(dtype).unsqueeze(-1)
        edges = self._enter(self.edge_input, self.edge_norm, raw)
        for layer in self.layers:
            nodes = layer(nodes, edges, graph.neighbours, present)
        return nodes

    def _enter(self, gvp: Gvp, norm: TupleNorm, raw: State, also: Tensor | None = None) -> State:
        """Raw features in the network's channels, normalised; `also` is added to the scalars."""
        scalars, vectors = gvp(*norm(*raw)) if self.massa else gvp(*raw)
        scalars = scalars if also is None else scalars + also
        entered: State = (scalars, vectors) if self.massa else norm(scalars, vectors)
        return entered

    def _tokens(self, scalars: Tensor, vectors: Tensor) -> Tensor:
        """Tokens [node, channel] of the last states."""
        if self.last_norm is not None:
            scalars, vectors = self.last_norm(scalars, vectors)
        tokens: Tensor = self.output(scalars, vectors)[0]
        return tokens if self.token_norm is None else self.token_norm(tokens)


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
    """Sixteen Gaussians [node, neighbour, centre] of distances, centres from 0 to 20 Å."""
    centres = torch.linspace(0.0, CONTACT_REACH, RADIAL_CENTRES, device=distances.device)
    width = CONTACT_REACH / RADIAL_CENTRES
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
