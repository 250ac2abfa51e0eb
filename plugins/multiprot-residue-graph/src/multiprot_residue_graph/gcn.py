"""Graph convolutions with a normalised adjacency (Kipf and Welling 2017), as in DeepFRI.

These modules take node states and a graph, whatever the states come from.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing


def normalised_adjacency(edge_index: Tensor, nodes: int) -> tuple[Tensor, Tensor]:
    """D^-1/2 (A + I) D^-1/2, where A has a one for each edge and D counts the ones of A + I.

    Parameters
    ----------
    edge_index
        int64 [2, edge], sender above receiver; both directions of each pair, no node with itself.
    nodes
        How many there are.

    Returns
    -------
    tuple[Tensor, Tensor]
        Edges, int64 [2, edge + node], an edge from each node to itself behind the given ones; and
        their weights, float32 [edge + node].
    """
    itself = torch.arange(nodes, device=edge_index.device)
    edges = torch.cat([edge_index, torch.stack([itself, itself])], dim=1)
    ones = torch.ones(edges.shape[1], device=edges.device)
    degrees = ones.new_zeros(nodes).index_add(0, edges[1], ones)
    return edges, (degrees[edges[0]] * degrees[edges[1]]).rsqrt()


class GraphConvolution(MessagePassing):  # type: ignore[misc]
    """One layer: a linear map of the weighted sum over the edges that reach a node.

    torch-geometric's GCNConv is this with the weights of `normalised_adjacency`, but for its bias.

    Parameters
    ----------
    inputs, outputs
        Channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(aggr="add")
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, nodes: Tensor, edge_index: Tensor, weights: Tensor) -> Tensor:
        """States [node, output] after the layer.

        Parameters
        ----------
        nodes
            [node, input].
        edge_index, weights
            As `normalised_adjacency` gives them.
        """
        received = self.propagate(edge_index, nodes=nodes, weights=weights.to(nodes.dtype))
        mixed: Tensor = self.linear(received)
        return mixed

    def message(self, nodes_j: Tensor, weights: Tensor) -> Tensor:
        """What each edge carries, [edge, channel]."""
        return nodes_j * weights.unsqueeze(-1)


class ConvolutionStack(nn.Module):
    """Layers one after another, the outputs of all of them side by side.

    Behind each layer LayerNorm, where asked for, ReLU and dropout.

    Parameters
    ----------
    width
        Channels of a node.
    layers
        How many.
    norm
        Whether there is a LayerNorm.
    dropout
        Share of a layer's channels dropped in training.
    """

    def __init__(self, width: int, layers: int, *, norm: bool, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(GraphConvolution(width, width) for _ in range(layers))
        self.bends = nn.ModuleList(_bend(width, norm, dropout) for _ in range(layers))

    def forward(self, nodes: Tensor, edge_index: Tensor) -> Tensor:
        """Outputs of all layers [node, layers x width].

        Parameters
        ----------
        nodes
            [node, width].
        edge_index
            int64 [2, edge], as `normalised_adjacency` takes it.
        """
        edges, weights = normalised_adjacency(edge_index, len(nodes))
        states, found = nodes, []
        for layer, bend in zip(self.layers, self.bends, strict=True):
            states = bend(layer(states, edges, weights))
            found.append(states)
        return torch.cat(found, dim=1)


def _bend(width: int, norm: bool, dropout: float) -> nn.Module:
    first = nn.LayerNorm(width) if norm else nn.Identity()
    return nn.Sequential(first, nn.ReLU(), nn.Dropout(dropout))
