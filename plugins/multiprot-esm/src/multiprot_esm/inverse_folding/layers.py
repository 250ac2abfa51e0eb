"""Geometric vector perceptrons and transformer layers of ESM-IF1.

Scalars [row, channel] stay as they are when a protein is turned, vectors [row, channel, xyz] turn
with it (Jing et al., *Learning from protein structure with geometric vector perceptrons*, ICLR
2021). Modules and parameters carry the names of the released file.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

Pair = tuple[Tensor, Tensor]
"""Scalars [row, channel] and vectors [row, channel, xyz]."""

Widths = tuple[int, int]
"""Numbers of scalar and of vector channels."""


class Perceptron(nn.Module):
    """A geometric vector perceptron.

    Parameters
    ----------
    before, after
        Channels of what comes in and goes out.
    gated
        Vectors are scaled by a gate that the scalars open.
    active
        Scalars pass a ReLU, and vectors a gate: their own length's, where they are not `gated`.
    """

    def __init__(self, before: Widths, after: Widths, *, gated: bool, active: bool) -> None:
        super().__init__()
        hidden = max(before[1], after[1])
        self.wh = nn.Linear(before[1], hidden, bias=False)
        self.ws = nn.Linear(hidden + before[0], after[0])
        self.wv = nn.Linear(hidden, after[1], bias=False)
        self.wg = nn.Linear(after[0], after[1]) if gated else None
        self._active = active
        # torch's own start halves what passes; from scratch, distances would be lost on the way.
        nn.init.kaiming_normal_(self.ws.weight, nonlinearity="relu" if active else "linear")

    def forward(self, both: Pair) -> Pair:
        """New scalars and vectors."""
        scalars, vectors = both
        hidden = self.wh(vectors.transpose(-1, -2))
        lengths = (hidden.square().sum(-2) + 1e-8).sqrt()
        scalars = self.ws(torch.cat([scalars, lengths], dim=-1))
        vectors = self.wv(hidden).transpose(-1, -2)
        if not self._active:
            return scalars, vectors
        scalars = functional.relu(scalars)
        if self.wg is None:
            gate = (vectors.square().sum(-1, keepdim=True) + 1e-8).sqrt()
        else:
            gate = self.wg(scalars).unsqueeze(-1)
        return scalars, vectors * gate.sigmoid()


class PairNorm(nn.Module):
    """Layer norm of scalars; vectors are divided by their root mean square length."""

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        self.scalar_norm = nn.LayerNorm(widths[0])

    def forward(self, both: Pair) -> Pair:
        """The normed pair."""
        scalars, vectors = both
        tiny = 1e-4
        squares = vectors.square().sum(-1, keepdim=True) + tiny
        counted = squares > 2 * tiny
        mean = (squares * counted).sum(-2, keepdim=True) / (tiny + counted.sum(-2, keepdim=True))
        return self.scalar_norm(scalars), counted * (vectors / (mean + tiny).sqrt())


class PairDropout(nn.Module):
    """Drops scalars one by one and vectors whole."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    def forward(self, both: Pair) -> Pair:
        """The pair, thinned out in training."""
        scalars, vectors = both
        if not self.training or not self._share:
            return both
        kept = functional.dropout(vectors.new_ones(vectors.shape[:-1]), self._share)
        return functional.dropout(scalars, self._share), vectors * kept.unsqueeze(-1)


class Messages(nn.Module):
    """The mean of what a row's senders tell it."""

    def __init__(self, nodes: Widths, edges: Widths) -> None:
        super().__init__()
        first = 2 * nodes[0] + edges[0], 2 * nodes[1] + edges[1]
        self.message_func = nn.Sequential(
            Perceptron(first, nodes, gated=True, active=True),
            Perceptron(nodes, nodes, gated=True, active=True),
            Perceptron(nodes, nodes, gated=False, active=False),
        )

    def forward(self, nodes: Pair, edges: Pair, ends: Tensor) -> Pair:
        """Means [row, ...] over edges with `ends` int64 [2, edge]; zero where none arrives."""
        scalars, vectors = (
            torch.cat([node[ends[0]], edge, node[ends[1]]], dim=1)
            for node, edge in zip(nodes, edges, strict=True)
        )
        told = self.message_func((scalars, vectors))
        count = nodes[0].new_zeros(len(nodes[0]))
        count = count.index_add(0, ends[1], count.new_ones(ends.shape[1])).clamp(min=1.0)
        sums = [
            n.new_zeros(n.shape).index_add(0, ends[1], t) for n, t in zip(nodes, told, strict=True)
        ]
        return sums[0] / count[:, None], sums[1] / count[:, None, None]


class GraphLayer(nn.Module):
    """Messages, then a feed-forward, each added and normed."""

    def __init__(self, nodes: Widths, edges: Widths, dropout: float) -> None:
        super().__init__()
        hidden = 4 * nodes[0], 2 * nodes[1]
        self.conv = Messages(nodes, edges)
        self.norm = nn.ModuleList([PairNorm(nodes), PairNorm(nodes)])
        self.dropout = PairDropout(dropout)
        self.ff_func = nn.Sequential(
            Perceptron(nodes, hidden, gated=True, active=True),
            Perceptron(hidden, nodes, gated=False, active=False),
        )

    def forward(self, nodes: Pair, edges: Pair, ends: Tensor) -> Pair:
        """New scalars and vectors of every row."""
        nodes = self.norm[0](_sum(nodes, self.dropout(self.conv(nodes, edges, ends))))
        return self.norm[1](_sum(nodes, self.dropout(self.ff_func(nodes))))  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Multi-head attention by torch's own kernel."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.q_proj, self.k_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.v_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)
        self._heads, self._dropout = heads, dropout

    def forward(self, rows: Tensor, filled: Tensor) -> Tensor:
        """New rows [protein, row, width]; `filled` bool [protein, row] may be attended to."""
        query, key, value = (
            project(rows).unflatten(-1, (self._heads, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=filled[:, None, None],
            dropout_p=self._dropout if self.training else 0.0,
        )
        out: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return out


class TransformerLayer(nn.Module):
    """Attention, then a feed-forward, each behind a norm."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads, dropout)
        self.self_attn_layer_norm, self.final_layer_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.dropout_module = nn.Dropout(dropout)

    def forward(self, rows: Tensor, filled: Tensor) -> Tensor:
        """New rows [protein, row, width]."""
        rows = rows + self.dropout_module(self.self_attn(self.self_attn_layer_norm(rows), filled))
        hidden = functional.relu(self.fc1(self.final_layer_norm(rows)))
        out: Tensor = rows + self.dropout_module(self.fc2(hidden))
        return out


def _sum(left: Pair, right: Pair) -> Pair:
    return left[0] + right[0], left[1] + right[1]
