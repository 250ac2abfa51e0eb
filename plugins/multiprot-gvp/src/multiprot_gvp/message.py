"""One round of message passing among neighbours, followed by each residue's own update."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from multiprot_gvp.layers import Gvp, TupleDropout, TupleNorm, lengths
from multiprot_gvp.options import GvpOptions

State = tuple[Tensor, Tensor]
"""Scalars [..., channel] and vectors [xyz, ..., channel] of residues or of pairs."""


class Message(nn.Module):
    """GVPs on (neighbour, pair, residue) side by side, averaged over a residue's neighbours.

    Two identities save most of the time. A linear map of things side by side is the sum of the maps
    of each, so the residues' part of the first GVP is computed once per residue, not per pair. The
    last GVP has no activation, so the average may be taken before its linear maps.
    """

    def __init__(self, options: GvpOptions) -> None:
        super().__init__()
        nodes = (options.node_scalars, options.node_vectors)
        edges = (options.edge_scalars, options.edge_vectors)
        inputs = (2 * nodes[0] + edges[0], 2 * nodes[1] + edges[1])
        depth = options.message_depth
        hidden = options.message_vectors or options.node_vectors
        self.first = Gvp(inputs, nodes, activated=depth > 1, gate=options.gate, hidden=hidden)
        self.middle = nn.ModuleList(
            Gvp(nodes, nodes, activated=True, gate=options.gate) for _ in range(depth - 2)
        )
        self.last = Gvp(nodes, nodes, activated=False, gate=False) if depth > 1 else None

    def forward(
        self, nodes: State, edges: State, neighbours: Tensor, present: Tensor | None
    ) -> State:
        """The average message each residue receives; zero where it has no neighbour.

        Parameters
        ----------
        nodes
            Scalars [node, channel] and vectors [xyz, node, channel].
        edges
            Scalars [node, neighbour, channel] and vectors [xyz, node, neighbour, channel].
        neighbours
            int64 [node, neighbour].
        present
            bool [node, neighbour], or None where every neighbour is there.
        """
        scalars, vectors = self._first(nodes, edges, neighbours)
        for gvp in self.middle:
            scalars, vectors = gvp(scalars, vectors)
        if self.last is None:
            return _mean(scalars, present), _mean(vectors, present)
        hidden = self.last.hidden(vectors)
        means = [_mean(part, present) for part in (scalars, lengths(hidden), hidden)]
        received = self.last.scalars(torch.cat(means[:2], dim=-1))
        if present is not None:
            # The map has an offset, which a residue without neighbours must not receive.
            received = received.masked_fill(~present.any(dim=1, keepdim=True), 0.0)
        return self.last.finish(received, means[2])

    def _first(self, nodes: State, edges: State, neighbours: Tensor) -> State:
        hidden = _side_by_side(self.first.hidden.weight, nodes[1], edges[1], neighbours)
        width = self.first.scalars.in_features - hidden.shape[-1]
        weight, of_lengths = self.first.scalars.weight.tensor_split([width], dim=1)
        mixed = _side_by_side(weight, nodes[0], edges[0], neighbours)
        # In place into the sum, not the other way round: autograd copies when a view is changed.
        mixed.add_(F.linear(lengths(hidden), of_lengths, self.first.scalars.bias))
        return self.first.finish(mixed, hidden)


def _side_by_side(weight: Tensor, nodes: Tensor, edges: Tensor, neighbours: Tensor) -> Tensor:
    """`weight` times (neighbour, pair, residue) side by side: [..., node, neighbour, output]."""
    width = nodes.shape[-1]
    sender, pair, receiver = weight.tensor_split([width, weight.shape[1] - width], dim=1)
    sent = F.linear(nodes, sender).index_select(-2, neighbours.flatten())
    total = sent.view(*nodes.shape[:-1], neighbours.shape[1], len(weight))
    total = total + F.linear(nodes, receiver).unsqueeze(-2)
    return total.add_(F.linear(edges, pair))


def _mean(values: Tensor, present: Tensor | None) -> Tensor:
    """Mean of `values` [..., node, neighbour, channel] over the neighbours that are present."""
    # Division after the sum: torch's mean() divides every pair's gradient, which takes longer.
    if present is None:
        return values.sum(dim=-2) / values.shape[-2]
    counts = present.sum(dim=1, keepdim=True).clamp(min=1)
    return values.masked_fill(~present.unsqueeze(-1), 0.0).sum(dim=-2) / counts


class GvpLayer(nn.Module):
    """Message, then feed-forward GVPs; each with residual, dropout and norm behind it."""

    def __init__(self, options: GvpOptions) -> None:
        super().__init__()
        nodes = (options.node_scalars, options.node_vectors)
        wide = nodes if options.update_depth == 1 else (4 * nodes[0], 2 * nodes[1])
        widths = [nodes, *[wide] * (options.update_depth - 1), nodes]
        self.message = Message(options)
        self.update = nn.ModuleList(
            Gvp(inputs, outputs, activated=step < options.update_depth - 1, gate=options.gate)
            for step, (inputs, outputs) in enumerate(pairwise(widths))
        )
        self.norms = nn.ModuleList(TupleNorm(nodes[0]) for _ in range(2))
        self.dropout = TupleDropout(options.dropout)

    def forward(
        self, nodes: State, edges: State, neighbours: Tensor, present: Tensor | None
    ) -> State:
        """Residues after this round; arguments as in `Message.forward`."""
        nodes = self._add(nodes, self.message(nodes, edges, neighbours, present), self.norms[0])
        change = nodes
        for gvp in self.update:
            change = gvp(*change)
        return self._add(nodes, change, self.norms[1])

    def _add(self, nodes: State, change: State, norm: nn.Module) -> State:
        scalars, vectors = self.dropout(*change)
        added: State = norm(nodes[0] + scalars, nodes[1] + vectors)
        return added
