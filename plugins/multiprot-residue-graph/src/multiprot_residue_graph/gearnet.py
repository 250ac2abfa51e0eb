"""GearNet's layers (Zhang et al. 2023): a linear map per relation, of nodes and of edges.

These modules take states and a graph, whatever the states come from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.utils import scatter

from multiprot.encoders.graphs import HIDDEN


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


Corners = Sequence[tuple[Tensor, Tensor, Tensor]]
"""For each bin of the angle: int64 [corner], the arriving edges, ordered by the edge that hears of
them; float32 [corner], how far they belong to the bin; int64 [edge], where each edge's begin."""


def corners_by_angle(graph: Data, bins: int, *, smooth: bool) -> Corners:
    """The corners of `graph` for `EdgeConvolution`; every layer uses the same.

    Parameters
    ----------
    graph
        With `corner_edges` and `angles`.
    bins
        Relations between edges.
    smooth
        An angle belongs to the two bins whose centres (0 to π, evenly spaced) it lies between, and
        so moves from one to the next without a jump; else to the one of `bins` equal ranges that
        it lies in.
    """
    arriving, hearing = graph.corner_edges
    edges = torch.arange(graph.edge_index.shape[1], device=arriving.device)
    places = graph.angles / math.pi * (bins - 1 if smooth else bins)
    if not smooth:
        places = places.floor().clamp(max=bins - 1)
    found = []
    for number in range(bins):
        shares = 1 - (places - number).abs()
        chosen = shares > 0
        starts = torch.searchsorted(hearing[chosen], edges)
        found.append((arriving[chosen], shares[chosen], starts))
    return found


class EdgeConvolution(nn.Module):
    """The same among edges, whose relations are the angles at which they meet.

    Here the linear maps come before the sums, which is the same number: corners outnumber edges by
    far, and so no table of states by corners is ever made.

    Parameters
    ----------
    width
        Channels.
    bins
        How many bins of the angle there are.
    """

    def __init__(self, width: int, bins: int) -> None:
        super().__init__()
        self.bins = bins
        # The maps of all bins side by side: [output, bin x input].
        self.linear = nn.Linear(bins * width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, edges: Tensor, corners: Corners) -> Tensor:
        """What each edge makes of the edges that run into it, [edge, width].

        Parameters
        ----------
        edges
            [edge, width].
        corners
            As `corners_by_angle` gives them.
        """
        total: Tensor = self.linear.bias
        maps = self.linear.weight.chunk(self.bins, dim=1)
        for weight, (arriving, shares, starts) in zip(maps, corners, strict=True):
            told = F.linear(edges, weight)
            shares = shares.to(told.dtype)
            total = total + F.embedding_bag(
                arriving, told, starts, mode="sum", per_sample_weights=shares
            )
        return F.relu(self.norm(total))


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
        self.edges = EdgeConvolution(edge_width, angle_bins) if edge_width else None
        self.heard = nn.Linear(edge_width, width) if edge_width else None
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, nodes: Tensor, edges: Tensor | None, graph: Data, corners: Corners
    ) -> tuple[Tensor, Tensor | None]:
        """States of residues [node, width] and of edges [edge, edge_width] after the round."""
        senders, receivers = graph.edge_index
        messages = nodes.index_select(0, senders)
        if edges is not None and self.edges is not None and self.heard is not None:
            edges = self.edges(edges, corners)
            messages = messages + self.heard(edges)
        update = self.nodes(messages, receivers, graph.relations, len(nodes))
        return nodes + self.dropout(update), edges
