"""Sequence tokens as something that nodes bear beside what they have of their own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import ResidueTokens
from multiprot.encoders.graphs import GraphFeatures
from multiprot.errors import PluginError


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


class SequenceReader(nn.Module):
    """What encoders that read sequence tokens have in common; for their bases, behind the others.

    Attributes
    ----------
    plugin, node_width
        Name for errors, and channels of a node.
    sequence_input
        None until a sequence encoder is bound.
    """

    plugin: str
    node_width: int
    sequence_input: SequenceInput | None

    def bind_sequence(self, token_dim: int) -> None:
        """As `ReadsSequenceTokens.bind_sequence`."""
        if self.sequence_input is None:
            self.sequence_input = SequenceInput(token_dim, self.node_width)
        elif self.sequence_input.token_dim != token_dim:
            raise PluginError(
                f"{self.plugin} reads sequence tokens of {self.sequence_input.token_dim} "
                f"channels and cannot be bound to {token_dim}; build another encoder"
            )

    def bound_input(self) -> SequenceInput:
        """`sequence_input`.

        Raises
        ------
        PluginError
            If no sequence encoder is bound.
        """
        if self.sequence_input is None:
            raise PluginError(
                f"{self.plugin} with sequence_tokens: joined reads the tokens of a sequence "
                "encoder, and is bound to none; use it in a model that has one, or set "
                "sequence_tokens to none"
            )
        return self.sequence_input
