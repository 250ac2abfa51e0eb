"""GearNet and GearNet-Edge as a structure encoder."""

from __future__ import annotations

import torch
from torch import nn
from torch_geometric.data import Data

from multiprot.encoders.contract import PackedTokens, ResidueEncoder, ResidueTokens
from multiprot.encoders.graphs import GraphFeatures
from multiprot_residue_graph.features import GraphFeaturizer
from multiprot_residue_graph.gearnet import Corners, EdgeInput, GearNetLayer, corners_by_angle
from multiprot_residue_graph.graphs import RelationalGraph
from multiprot_residue_graph.nodes import NodeInput
from multiprot_residue_graph.options import GearNetOptions


class GearNetEncoder(ResidueEncoder[GraphFeatures]):
    """Relational graph convolution over sequence and space (Zhang et al. 2023).

    Shape law: [protein, residue, `token_dim`] for padded features, [residue, `token_dim`] for
    packed ones; zeros where a residue has no CA.
    """

    def __init__(self, options: GearNetOptions) -> None:
        super().__init__()
        edge_width = (options.edge_width or options.width) if options.edge_messages else None
        self.angle_bins, self.smooth = options.angle_bins, options.angle_borders == "smooth"
        graph = RelationalGraph(
            options.sequence_reach,
            options.radius,
            options.neighbours,
            options.least_offset,
            corners=options.edge_messages,
        )
        self.featurizer = GraphFeaturizer(graph)
        self.input = NodeInput(options.width, options.dihedrals, options.residues)
        self.edge_input = (
            EdgeInput(edge_width, graph.relations, options.residues, options.radius)
            if edge_width
            else None
        )
        self.layers = nn.ModuleList(
            GearNetLayer(
                options.width, graph.relations, options.dropout, edge_width, options.angle_bins
            )
            for _ in range(options.layers)
        )
        self.concatenated = options.readout == "concatenated"
        channels = options.width * (options.layers if self.concatenated else 1)
        self.token_dim = options.token_dim or channels
        self.output = nn.Linear(channels, self.token_dim) if options.token_dim else nn.Identity()

    def forward(self, features: GraphFeatures) -> ResidueTokens | PackedTokens:
        """Tokens in the layout of `features`."""
        graph = features.graph
        nodes = self.input(graph)
        edges = None if self.edge_input is None else self.edge_input(graph)
        corners = self._corners(graph) if self.edge_input is not None else []
        states = []
        for layer in self.layers:
            nodes, edges = layer(nodes, edges, graph, corners)
            states.append(nodes)
        return features.tokens(self.output(torch.cat(states, -1) if self.concatenated else nodes))

    def _corners(self, graph: Data) -> Corners:
        return corners_by_angle(graph, self.angle_bins, smooth=self.smooth)
