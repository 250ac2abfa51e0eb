"""GearNet's layers (Zhang et al. 2023): a linear map per relation, of nodes and of edges.

These modules take states and a graph, whatever the states come from.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.utils import scatter

from multiprot_residue_graph.features import HIDDEN


class RelationalConvolution(nn.Module):
    """Messages summed relation by relation, each sum through its own linear map; norm and ReLU.

    LayerNorm stands where the paper has BatchNorm, with which a protein's tokens would depend on
    the batch in training.

    Parameters
    ----------
    inputs, outputs
        Channels.
    relations
        How many relations there are.
    """

    def __init__(self, inputs: int, outputs: int, relations: int) -> None:
        super().__init__()
        self.relations = relations
        # The maps of all relations side by side: [output, relation x input].
        self.linear = nn.Linear(relations * inputs, outputs)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, messages: Tensor, receivers: Tensor, relations: Tensor, count: int) -> Tensor:
        """What each receiver makes of its messages, [receiver, output].

        Parameters
        ----------
        messages
            [message, input].
        receivers
            int64 [message].
        relations
            Integer [message].
        count
            Number of receivers.
        """
        slots = receivers * self.relations + relations
        sums = scatter(messages, slots, dim=0, dim_size=count * self.relations, reduce="sum")
        sums = sums.view(count, self.linear.in_features)
        return F.relu(self.norm(self.linear(sums)))


class EdgeInput(nn.Module):
    """First state of each edge, [edge, width].

    A linear map of its distance in units of `scale`, of the logarithm of the steps along the
    sequence, and of whether they are known (no chain break lies between); plus a vector of its
    relation and, where amino acids are shown, one of the sender's and one of the receiver's.

    Parameters
    ----------
    width
        Channels of the state.
    relations
        How many relations there are.
    residues
        Whether amino acids are shown.
    scale
        Å.
    """

    def __init__(self, width: int, relations: int, residues: bool, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.measures = nn.Linear(3, width)
        self.relation = nn.Embedding(relations, width)
        self.sender = nn.Embedding(HIDDEN + 1, width) if residues else None
        self.receiver = nn.Embedding(HIDDEN + 1, width) if residues else None

    def forward(self, graph: Data) -> Tensor:
        """States [edge, width]."""
        known = graph.sequence_distances >= 0
        steps = torch.log1p(graph.sequence_distances.clamp(min=0).float())
        measures = torch.stack([graph.distances / self.scale, steps, known.float()], dim=-1)
        state: Tensor = self.measures(measures.to(self.measures.weight.dtype))
        state = state + self.relation(graph.relations)
        if self.sender is not None and self.receiver is not None:
            senders, receivers = graph.residues[graph.edge_index]
            state = state + self.sender(senders) + self.receiver(receivers)
        return state


class GearNetLayer(nn.Module):
    """One round among residues and, with `edge_width`, one among edges before it.

    Parameters
    ----------
    width
        Channels of a residue.
    relations
        How many relations there are.
    dropout
        Share of the round's channels dropped in training.
    edge_width
        Channels of an edge's state; None: edges have no states.
    angle_bins
        Relations between edges.
    """

    def __init__(
        self, width: int, relations: int, dropout: float, edge_width: int | None, angle_bins: int
    ) -> None:
        super().__init__()
        self.nodes = RelationalConvolution(width, width, relations)
        self.edges = (
            RelationalConvolution(edge_width, edge_width, angle_bins) if edge_width else None
        )
        self.heard = nn.Linear(edge_width, width) if edge_width else None
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, nodes: Tensor, edges: Tensor | None, graph: Data
    ) -> tuple[Tensor, Tensor | None]:
        """States of residues [node, width] and of edges [edge, edge_width] after the round."""
        senders, receivers = graph.edge_index
        messages = nodes.index_select(0, senders)
        if edges is not None and self.edges is not None and self.heard is not None:
            arriving, hearing = graph.corner_edges
            carried = edges.index_select(0, arriving)
            edges = self.edges(carried, hearing, graph.angle_bins, len(edges))
            messages = messages + self.heard(edges)
        update = self.nodes(messages, receivers, graph.relations, len(nodes))
        return nodes + self.dropout(update), edges
