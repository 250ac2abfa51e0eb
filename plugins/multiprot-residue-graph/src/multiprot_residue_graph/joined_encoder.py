"""STEPS' whole structure encoder: the residue graph, its nodes joined with sequence tokens."""

from __future__ import annotations

from multiprot.encoders.contract import PackedTokens, ResidueTokens
from multiprot.encoders.graphs import GraphFeatures
from multiprot_residue_graph.gin_encoder import GinEncoder
from multiprot_residue_graph.options import GinOptions
from multiprot_residue_graph.sequence_input import SequenceReader


class JoinedGinEncoder(GinEncoder, SequenceReader):
    """The residue graph whose nodes also bear the tokens of the model's sequence encoder.

    x = W·[LayerNorm(sequence token), node features] and tokens = GIN₂(GIN₁(x)) + x (Chen et al.
    2023). With `sequence_gradient: residual` the layers see a copy of the sequence tokens that
    passes no gradient on, as released: the sequence encoder learns by the residual alone.

    A node without sequence token has x = W·[0, node features]: what it would be with
    `sequence_tokens: none`.
    """

    plugin = "gin-residue-graph"

    def __init__(self, options: GinOptions) -> None:
        super().__init__(options)
        self.through_layers = options.sequence_gradient == "full"
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
        own = self.input(features.graph)
        if sequence is None:
            return self.of_states(features, own, own)
        nodes = own + mapped(features, sequence)
        if self.through_layers:
            return self.of_states(features, nodes, nodes)
        stopped = ResidueTokens(sequence.values.detach(), sequence.mask)
        return self.of_states(features, own + mapped(features, stopped), nodes)
