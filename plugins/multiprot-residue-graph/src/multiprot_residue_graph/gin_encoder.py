"""The residue graph of STEPS as a structure encoder."""

from __future__ import annotations

from torch import Tensor

from multiprot.encoders.contract import PackedTokens, ResidueEncoder, ResidueTokens
from multiprot.encoders.graphs import GraphFeatures
from multiprot_residue_graph.features import GraphFeaturizer
from multiprot_residue_graph.gin import ResidualGin, inverse_square
from multiprot_residue_graph.graphs import RadiusGraph
from multiprot_residue_graph.nodes import NodeInput
from multiprot_residue_graph.options import GinOptions


class GinEncoder(ResidueEncoder[GraphFeatures]):
    """Graph isomorphism network on the CA graph (STEPS: Chen et al. 2023).

    Shape law: [protein, residue, `token_dim`] for padded features, [residue, `token_dim`] for
    packed ones; zeros where a residue has no CA.
    """

    def __init__(self, options: GinOptions) -> None:
        super().__init__()
        self.token_dim = options.width
        self.epsilon = options.epsilon
        self.featurizer = GraphFeaturizer(RadiusGraph(options.radius))
        self.input = NodeInput(options.width, options.dihedrals, options.residues)
        self.gin = ResidualGin(
            options.width,
            options.layers,
            plain=options.update == "linear",
            dropout=options.dropout,
        )

    def forward(self, features: GraphFeatures) -> ResidueTokens | PackedTokens:
        """Tokens in the layout of `features`."""
        nodes = self.input(features.graph)
        return self.of_states(features, nodes, nodes)

    def of_states(
        self, features: GraphFeatures, nodes: Tensor, residual: Tensor
    ) -> ResidueTokens | PackedTokens:
        """Tokens from first states and residual, both [node, width]."""
        graph = features.graph
        weights = inverse_square(graph.distances, self.epsilon)
        return features.tokens(self.gin(nodes, graph.edge_index, weights, residual))
