"""Graph isomorphism layers with edge weights (Xu et al. 2019; Chen et al. 2023).

These modules take node states and a graph, whatever the states come from.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing


def inverse_square(distances: Tensor, epsilon: float) -> Tensor:
    """STEPS' edge weights [edge], 1 / (d² + `epsilon`), of distances in Å, in single precision.

    Bonded CA atoms are 3.8 Å apart (2.9 Å at a cis peptide bond), so weights stay below about 0.12
    on a sound structure; two CA atoms on one spot give 1 / `epsilon`.
    """
    return 1.0 / (distances.float().square() + epsilon)


class WeightedGin(MessagePassing):  # type: ignore[misc]
    """One layer: a node's own state plus the weighted sum of its neighbours', then `perceptron`.

    torch-geometric's GINConv is this with all weights one and `eps` zero.

    Parameters
    ----------
    perceptron
        Maps [node, channel] to [node, channel].
    """

    def __init__(self, perceptron: nn.Module) -> None:
        super().__init__(aggr="add")
        self.perceptron = perceptron

    def forward(self, nodes: Tensor, edge_index: Tensor, weights: Tensor) -> Tensor:
        """States [node, channel] after the layer.

        Parameters
        ----------
        nodes
            [node, channel].
        edge_index
            int64 [2, edge], sender above receiver.
        weights
            [edge].
        """
        received = self.propagate(edge_index, nodes=nodes, weights=weights.to(nodes.dtype))
        mixed: Tensor = self.perceptron(nodes + received)
        return mixed

    def message(self, nodes_j: Tensor, weights: Tensor) -> Tensor:
        """What each edge carries, [edge, channel]."""
        return nodes_j * weights.unsqueeze(-1)


class ResidualGin(nn.Module):
    """Layers one after another and one residual around them: GIN₂(GIN₁(x)) + r, where r is x.

    Parameters
    ----------
    width
        Channels of a node.
    layers
        How many.
    plain
        One linear map a layer and nothing else, as STEPS; else two with LayerNorm and ReLU between
        them. The GIN paper has BatchNorm there, with which a protein's token would depend on the
        batch.
    dropout
        Share of a layer's channels dropped in training.
    """

    def __init__(self, width: int, layers: int, *, plain: bool, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            WeightedGin(_perceptron(width, plain, dropout)) for _ in range(layers)
        )

    def forward(
        self, nodes: Tensor, edge_index: Tensor, weights: Tensor, residual: Tensor | None = None
    ) -> Tensor:
        """States [node, width].

        Parameters
        ----------
        nodes, edge_index, weights
            As in `WeightedGin.forward`.
        residual
            r [node, width], where gradients shall take another way through it than through the
            layers; None: `nodes`.
        """
        states = nodes
        for layer in self.layers:
            states = layer(states, edge_index, weights)
        return torch.add(states, nodes if residual is None else residual)


def _perceptron(width: int, plain: bool, dropout: float) -> nn.Module:
    if plain:
        return nn.Sequential(nn.Linear(width, width), nn.Dropout(dropout))
    return nn.Sequential(
        nn.Linear(width, width),
        nn.LayerNorm(width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.Dropout(dropout),
    )
