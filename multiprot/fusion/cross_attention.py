"""Sequence and structure tokens look at each other; a missing one contributes exactly nothing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import ResidueTokens
from multiprot.encoders.rotary import rotate
from multiprot.fusion.attention import attend
from multiprot.fusion.config import FusionConfig
from multiprot.fusion.grouping import Streams
from multiprot.fusion.tokens import cleared


class CrossAttention(nn.Module):
    """Every residue of one stream attends to the unmasked residues of the other."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.mix = nn.Linear(width, width)

    def forward(self, queries: Tensor, other: ResidueTokens, turns: Tensor) -> Tensor:
        """What each query gathers from the other stream.

        Parameters
        ----------
        queries
            [protein, residue, width].
        other
            The stream that is looked at.
        turns
            Rotary positions of one head, complex64 [residue, channel / 2].

        Returns
        -------
        Tensor
            [protein, residue, width]; exact zeros for a protein of which `other` has no token.
        """
        projected: Tensor = self.key_value(other.values)
        key, value = projected.chunk(2, dim=-1)
        gathered = attend(
            rotate(self._by_head(self.query(queries)), turns),
            rotate(self._by_head(key), turns),
            self._by_head(value),
            other.mask,
        )
        return cleared(self.mix(gathered), other.mask.any(dim=1, keepdim=True))

    def _by_head(self, tokens: Tensor) -> Tensor:
        return tokens.reshape(*tokens.shape[:2], self.heads, -1)


class OtherStream(nn.Module):
    """What one stream takes from the other: from all its residues, and from the same residue.

    Both pass learned gates, one per channel (after LayerScale, Touvron et al. 2021,
    arXiv:2103.17239, but started at a modest value, not near zero, so that training is quick).
    """

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        width = config.width
        self.own_norm = nn.LayerNorm(width)
        self.other_norm = nn.LayerNorm(width)
        self.attention = CrossAttention(width, config.heads)
        self.aligned = nn.Linear(width, width)
        self.attention_gate = nn.Parameter(torch.full((width,), config.gate_init))
        self.aligned_gate = nn.Parameter(torch.full((width,), config.gate_init))
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, own: Tensor, other: ResidueTokens, turns: Tensor) -> Tensor:
        """The change of `own` [protein, residue, width]; zeros where `other` has nothing."""
        looked_at = ResidueTokens(self.other_norm(other.values), other.mask)
        everywhere = self.attention(self.own_norm(own), looked_at, turns)
        same_residue = cleared(self.aligned(looked_at.values), other.mask)
        from_all: Tensor = self.attention_gate * self.dropout(everywhere)
        from_same: Tensor = self.aligned_gate * self.dropout(same_residue)
        return from_all + from_same


class FusionLayer(nn.Module):
    """Both streams look at each other at once; then each has its feed-forward block.

    Residual and pre-norm. A model with one stream has only the feed-forward block.
    """

    def __init__(self, config: FusionConfig, streams: tuple[str, ...]) -> None:
        super().__init__()
        self.others = nn.ModuleDict(
            {name: OtherStream(config) for name in streams if len(streams) > 1}
        )
        self.feed_forward = nn.ModuleDict({name: _feed_forward(config) for name in streams})

    def forward(self, streams: Streams, turns: Tensor) -> Streams:
        """Both streams after one round; a stream that is None stays None."""
        return {name: self._updated(name, streams, turns) for name in streams}

    def _updated(self, name: str, streams: Streams, turns: Tensor) -> ResidueTokens | None:
        own = streams[name]
        if own is None:
            return None
        values = own.values
        for other_name, other in streams.items():
            if other_name != name and other is not None:
                values = values + self.others[name](values, other, turns)
        return ResidueTokens(values + self.feed_forward[name](values), own.mask)


def _feed_forward(config: FusionConfig) -> nn.Sequential:
    hidden = round(config.ffn_multiple * config.width)
    return nn.Sequential(
        nn.LayerNorm(config.width),
        nn.Linear(config.width, hidden),
        nn.GELU(),
        nn.Dropout(config.dropout),
        nn.Linear(hidden, config.width),
    )
