"""STEPS' whole structure encoder: the residue graph, its nodes joined with sequence tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import PackedTokens, ResidueTokens
from multiprot.encoders.graphs import GraphFeatures
from multiprot.errors import PluginError
from multiprot_residue_graph.gin_encoder import GinEncoder
from multiprot_residue_graph.options import GinOptions


class JoinedGinEncoder(GinEncoder):
    """The residue graph whose nodes also bear the tokens of the model's sequence encoder.

    x = W·[LayerNorm(sequence token), node features] and tokens = GIN₂(GIN₁(x)) + x (Chen et al.
    2023). With `sequence_gradient: residual` the layers see a copy of the sequence tokens that
    passes no gradient on, as released: the sequence encoder learns by the residual alone.

    A node without sequence token has x = W·[0, node features]: what it would be with
    `sequence_tokens: none`.
    """

    def __init__(self, options: GinOptions) -> None:
        super().__init__(options)
        self.through_layers = options.sequence_gradient == "full"
        self.sequence_input: SequenceInput | None = None

    def bind_sequence(self, token_dim: int) -> None:
        """As `ReadsSequenceTokens.bind_sequence`."""
        if self.sequence_input is None:
            self.sequence_input = SequenceInput(token_dim, self.token_dim)
        elif self.sequence_input.token_dim != token_dim:
            raise PluginError(
                f"gin-residue-graph reads sequence tokens of {self.sequence_input.token_dim} "
                f"channels and cannot be bound to {token_dim}; build another encoder"
            )

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
        if self.sequence_input is None:
            raise PluginError(
                "gin-residue-graph with sequence_tokens: joined reads the tokens of a sequence "
                "encoder, and is bound to none; use it in a model that has one, or set "
                "sequence_tokens to none"
            )
        own = self.input(features.graph)
        if sequence is None:
            return self.of_states(features, own, own)
        nodes = own + self.sequence_input(features, sequence)
        if self.through_layers:
            return self.of_states(features, nodes, nodes)
        stopped = ResidueTokens(sequence.values.detach(), sequence.mask)
        return self.of_states(features, own + self.sequence_input(features, stopped), nodes)


class SequenceInput(nn.Module):
    """Sequence tokens of the nodes in the width of the graph, by a norm and a linear map.

    The norm makes sequence encoders of any scale alike. A linear map of this beside one of the node
    features, and their sum, is one linear map of both side by side.
    """

    def __init__(self, token_dim: int, width: int) -> None:
        super().__init__()
        self.token_dim = token_dim
        self.norm = nn.LayerNorm(token_dim)
        self.linear = nn.Linear(token_dim, width)

    def forward(self, features: GraphFeatures, tokens: ResidueTokens) -> Tensor:
        """[node, width]; zeros where a node has no token, whatever its values are."""
        known = features.of_nodes(tokens.mask)[:, None]
        values = features.of_nodes(tokens.values).to(self.linear.weight.dtype)
        values = torch.where(known, values, torch.zeros_like(values))
        mapped = self.linear(self.norm(values))
        return torch.where(known, mapped, torch.zeros_like(mapped))
