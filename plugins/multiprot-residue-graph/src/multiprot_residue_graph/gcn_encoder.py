"""DeepFRI's graph convolutions over the contact map as a structure encoder."""

from __future__ import annotations

import torch
from torch import Tensor

from multiprot.encoders.contract import PackedTokens, ResidueEncoder, ResidueTokens
from multiprot.encoders.graphs import GraphFeatures
from multiprot_residue_graph.features import GraphFeaturizer
from multiprot_residue_graph.gcn import ConvolutionStack
from multiprot_residue_graph.graphs import RadiusGraph
from multiprot_residue_graph.nodes import NodeInput
from multiprot_residue_graph.options import GcnOptions
from multiprot_residue_graph.sequence_input import SequenceReader


class GcnEncoder(ResidueEncoder[GraphFeatures]):
    """Graph convolutions on the CA contact map (DeepFRI: Gligorijević et al. 2021).

    x = ReLU(W·node features), and the token is the outputs of all layers side by side.

    Shape law: [protein, residue, `token_dim`] for padded features, [residue, `token_dim`] for
    packed ones; zeros where a residue has no CA.
    """

    def __init__(self, options: GcnOptions) -> None:
        super().__init__()
        self.token_dim = options.width * options.layers
        self.featurizer = GraphFeaturizer(RadiusGraph(options.radius))
        self.input = NodeInput(options.width, options.dihedrals, options.residues)
        self.convolutions = ConvolutionStack(
            options.width, options.layers, norm=options.norm, dropout=options.dropout
        )

    def forward(self, features: GraphFeatures) -> ResidueTokens | PackedTokens:
        """Tokens in the layout of `features`."""
        return self.of_states(features, self.input(features.graph))

    def of_states(self, features: GraphFeatures, nodes: Tensor) -> ResidueTokens | PackedTokens:
        """Tokens from what nodes bear, [node, width]."""
        return features.tokens(self.convolutions(torch.relu(nodes), features.graph.edge_index))


class JoinedGcnEncoder(GcnEncoder, SequenceReader):
    """The same, whose nodes also bear the tokens of the model's sequence encoder, as in DeepFRI.

    x = ReLU(W·[LayerNorm(sequence token), node features]); a node without sequence token has what
    it would have with `sequence_tokens: none`.
    """

    plugin = "gcn-residue-graph"

    def __init__(self, options: GcnOptions) -> None:
        super().__init__(options)
        self.node_width = options.width
        self.sequence_input = None

    def forward(
        self, features: GraphFeatures, sequence: ResidueTokens | None = None
    ) -> ResidueTokens | PackedTokens:
        """Tokens in the layout of `features`.

        Parameters
        ----------
        features
            Graphs.
        sequence
            As in `ReadsSequenceTokens`.

        Raises
        ------
        PluginError
            If no sequence encoder is bound.
        """
        mapped = self.bound_input()
        nodes = self.input(features.graph)
        if sequence is not None:
            nodes = nodes + mapped(features, sequence)
        return self.of_states(features, nodes)
