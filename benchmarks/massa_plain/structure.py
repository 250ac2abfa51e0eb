"""Structure block: geometric vector perceptrons, protein by protein and edge by edge."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.massa_plain.config import PlainMassaConfig
from benchmarks.massa_plain.features import PlainGraph

State = tuple[Tensor, Tensor]
"""Scalars [row, channel] and vectors [row, channel, xyz]."""


class Gvp(nn.Module):
    """Geometric vector perceptron; vectors are gated by their own length."""

    def __init__(self, given: tuple[int, int], out: tuple[int, int], *, activated: bool) -> None:
        super().__init__()
        hidden = max(given[1], out[1])
        self.hidden = nn.Linear(given[1], hidden, bias=False)
        self.scalars = nn.Linear(given[0] + hidden, out[0])
        self.vectors = nn.Linear(hidden, out[1], bias=False) if out[1] else None
        self.activated = activated

    def forward(self, state: State) -> State:
        """Scalars and vectors mapped; no vectors where none are to come out."""
        hidden = self.hidden(state[1].transpose(1, 2))
        scalars = self.scalars(torch.cat([state[0], _lengths(hidden, dim=1)], dim=-1))
        vectors = hidden[..., :0] if self.vectors is None else self.vectors(hidden)
        vectors = vectors.transpose(1, 2)
        if not self.activated:
            return scalars, vectors
        return scalars.relu(), vectors * _lengths(vectors, dim=2).unsqueeze(-1).sigmoid()


def _lengths(vectors: Tensor, dim: int) -> Tensor:
    return vectors.square().sum(dim).clamp(min=1e-8).sqrt()


class StateNorm(nn.Module):
    """Layer norm of scalars; vectors are divided by their root mean square length."""

    def __init__(self, scalars: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(scalars)

    def forward(self, state: State) -> State:
        """Scalars and vectors normalised, row by row."""
        squares = state[1].square().sum(-1, keepdim=True).clamp(min=1e-8)
        return self.norm(state[0]), state[1] / squares.mean(1, keepdim=True).sqrt()


class StateDropout(nn.Module):
    """Drops scalars, and vectors as a whole."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, state: State) -> State:
        """Scalars and vectors, a share of them zero in training."""
        kept = F.dropout(torch.ones_like(state[1][..., :1]), self.rate, self.training)
        return F.dropout(state[0], self.rate, self.training), state[1] * kept


class GvpConvolution(nn.Module):
    """A round of messages along edges, then a residue's own update."""

    def __init__(self, config: PlainMassaConfig) -> None:
        super().__init__()
        node = (config.width, config.node_vectors)
        whole = (2 * node[0] + config.edge_scalars, 2 * node[1] + config.edge_vectors)
        wide = (4 * node[0], 2 * node[1])
        last = config.message_gvps - 1
        self.message = nn.Sequential(
            *(Gvp(node if n else whole, node, activated=n < last) for n in range(last + 1))
        )
        self.update = nn.Sequential(
            Gvp(node, wide, activated=True), Gvp(wide, node, activated=False)
        )
        self.norms = nn.ModuleList(StateNorm(node[0]) for _ in range(2))
        self.dropout = StateDropout(config.gvp_dropout)

    def forward(self, nodes: State, pairs: State, edges: Tensor) -> State:
        """States of nodes after the round; a node hears the mean of its messages."""
        senders, receivers = edges
        parts = [tuple(p[senders] for p in nodes), pairs, tuple(p[receivers] for p in nodes)]
        messages = self.message(tuple(torch.cat(p, dim=1) for p in zip(*parts, strict=True)))
        count = torch.bincount(receivers, minlength=len(nodes[0])).view(-1, 1)
        # The types differ under autocast only.
        scalars, vectors = (m.to(n.dtype) for m, n in zip(messages, nodes, strict=True))
        heard = (
            torch.zeros_like(nodes[0]).index_add(0, receivers, scalars) / count,
            torch.zeros_like(nodes[1]).index_add(0, receivers, vectors) / count.unsqueeze(-1),
        )
        nodes = self.norms[0](_added(nodes, self.dropout(heard)))
        updated: State = self.norms[1](_added(nodes, self.dropout(self.update(nodes))))
        return updated


def _added(left: State, right: State) -> State:
    return left[0] + right[0], left[1] + right[1]


class StructureNetwork(nn.Module):
    """Structure block: a GVP network on the graph of one protein."""

    def __init__(self, config: PlainMassaConfig) -> None:
        super().__init__()
        node, pair = (config.width, config.node_vectors), (config.edge_scalars, config.edge_vectors)
        self.node_input = nn.Sequential(StateNorm(6), Gvp((6, 3), node, activated=False))
        self.edge_input = nn.Sequential(StateNorm(32), Gvp((32, 1), pair, activated=False))
        self.layers = nn.ModuleList(GvpConvolution(config) for _ in range(config.gvp_layers))
        self.output = nn.Sequential(StateNorm(node[0]), Gvp(node, (node[0], 0), activated=True))
        self.norm = nn.LayerNorm(node[0])

    def forward(self, graph: PlainGraph) -> Tensor:
        """States [residue, channel]."""
        nodes = self.node_input((graph.node_scalars, graph.node_vectors))
        pairs = self.edge_input((graph.edge_scalars, graph.edge_vectors))
        for layer in self.layers:
            nodes = layer(nodes, pairs, graph.edges)
        tokens: Tensor = self.norm(self.output(nodes)[0])
        return tokens
