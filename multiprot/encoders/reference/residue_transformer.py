"""`residue-transformer`: a small pre-norm transformer over the letters of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from multiprot.encoders.contract import Layout, PackedTokens, ResidueEncoder, ResidueTokens
from multiprot.encoders.packed_attention import Packing, packed_attention
from multiprot.encoders.reference.letters import LETTERS, LetterFeatures, LetterFeaturizer
from multiprot.encoders.reference.plugins import ResidueTransformerConfig
from multiprot.encoders.reference.ragged import offsets_of, residue_mask
from multiprot.encoders.rotary import rotary_turns, rotate


class ResidueTransformer(ResidueEncoder[LetterFeatures]):
    """Letters to tokens. Packed batches cost no padding and give the padded result."""

    def __init__(self, config: ResidueTransformerConfig) -> None:
        super().__init__()
        self.token_dim = config.width
        self.featurizer = LetterFeaturizer("residue-transformer", config.max_residues)
        self.head_dim = config.width // config.heads
        self.rotary_base = config.rotary_base
        self.embedding = nn.Embedding(LETTERS, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        nn.init.normal_(self.embedding.weight, std=0.5)

    def forward(self, features: LetterFeatures) -> ResidueTokens | PackedTokens:
        """Tokens [protein, residue, width] or [token, width], in the layout of `features`."""
        attention = Attention.of(features)
        turns = rotary_turns(attention.positions, self.head_dim, self.rotary_base)
        states = through(self.blocks, self.embedding(features.letters), turns, attention)
        return in_layout(self.norm(states), features)

    def compile(self, **options: Any) -> None:
        """Have torch.compile make code of what every block does before and behind its attention.

        Attention itself is left out: how many proteins a packed batch holds would be compiled into
        it, anew for each number. What is compiled is whole, and the same code for all blocks.

        Parameters
        ----------
        **options
            As of torch.compile.
        """
        for block in self.blocks:
            block.compile(**options)


def through(
    blocks: Iterable[nn.Module], tokens: Tensor, turns: Tensor, attention: Attention
) -> Tensor:
    """Tokens [..., width] after `blocks`, one behind another."""
    for block in blocks:
        tokens = block(tokens, turns, attention)
    return tokens


def in_layout(tokens: Tensor, features: LetterFeatures) -> ResidueTokens | PackedTokens:
    """Tokens [protein, residue, width] or [token, width] of `features`, in their layout."""
    if features.layout is Layout.PACKED:
        mask = torch.ones_like(features.letters, dtype=torch.bool)
        return PackedTokens(tokens, mask, offsets_of(features.lengths))
    mask = residue_mask(features.lengths, tokens.shape[1])
    return ResidueTokens(tokens.masked_fill(~mask[..., None], 0), mask)


class Attention:
    """Which residues see which: all of the same protein and none of another.

    Attributes
    ----------
    positions
        int64 [residue] if padded, [token] if packed: position of a residue in its protein.
    """

    def __init__(self, positions: Tensor, keys: Tensor | None, packing: Packing | None) -> None:
        self.positions = positions
        self._keys = keys
        self._packing = packing

    @classmethod
    def of(cls, features: LetterFeatures) -> Attention:
        """The attention that a batch's layout and lengths ask for."""
        lengths = features.lengths
        if features.layout is Layout.PACKED:
            packing = Packing.of(lengths.tolist()).to(lengths.device)
            return cls(packing.positions, None, packing)
        return cls.among(residue_mask(lengths, features.letters.shape[1]))

    @classmethod
    def among(cls, mask: Tensor) -> Attention:
        """That of padded residues, bool [protein, residue]; at least one of each protein."""
        positions = torch.arange(mask.shape[1], device=mask.device)
        return cls(positions, mask[:, None, None, :], None)

    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend within proteins.

        Parameters
        ----------
        query, key, value
            [protein, residue, head, channel] or [token, head, channel].
        """
        if self._packing is not None:
            return packed_attention(query, key, value, self._packing)
        if not query.numel():
            return value
        seen = functional.scaled_dot_product_attention(
            query.transpose(1, 2),
            key.transpose(1, 2),
            value.transpose(1, 2),
            attn_mask=self._keys,
        )
        return seen.transpose(1, 2)


class Block(nn.Module):
    """Attention and feed-forward, each behind a layer norm and beside a residual path."""

    def __init__(self, config: ResidueTransformerConfig) -> None:
        super().__init__()
        self.heads, self.head_dim = config.heads, config.width // config.heads
        self.norm_attention = nn.LayerNorm(config.width)
        self.query_key_value = nn.Linear(config.width, 3 * config.width, bias=False)
        self.attended = nn.Linear(config.width, config.width, bias=False)
        self.norm_feed_forward = nn.LayerNorm(config.width)
        self.feed_forward = _feed_forward(config)
        self.dropout = nn.Dropout(config.dropout)
        nn.init.normal_(self.attended.weight, std=(2 * config.layers * config.width) ** -0.5)
        self._compiled: tuple[Callable[..., Any], Callable[..., Tensor]] | None = None

    def forward(self, tokens: Tensor, turns: Tensor, attention: Attention) -> Tensor:
        """Tokens [..., width] to tokens of the same shape."""
        if self._compiled is None:
            return self._added(tokens, attention(*self._projected(tokens, turns)))
        projected, added = self._compiled
        # Made real here: torch.compile cannot take in complex numbers.
        return added(tokens, attention(*projected(tokens, torch.view_as_real(turns))))

    def compile(self, **options: Any) -> None:
        """As `ResidueTransformer.compile`."""
        options = {"fullgraph": True, **options}
        parts = (self._projected, self._added)
        self._compiled = (torch.compile(parts[0], **options), torch.compile(parts[1], **options))

    def _projected(self, tokens: Tensor, turns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value, each [..., head, channel]."""
        projected: Tensor = self.query_key_value(self.norm_attention(tokens))
        split = projected.view(*tokens.shape[:-1], 3, self.heads, self.head_dim)
        query, key, value = split.unbind(-3)
        return rotate(query, turns), rotate(key, turns), value

    def _added(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """What was attended to and what the feed-forward makes of it, added to `tokens`."""
        tokens = tokens + self.dropout(self.attended(seen.flatten(-2)))
        fed: Tensor = self.dropout(self.feed_forward(self.norm_feed_forward(tokens)))
        return tokens + fed


class GatedFeedForward(nn.Module):
    """SiLU-gated feed-forward (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate_and_value = nn.Linear(width, 2 * hidden, bias=False)
        self.out = nn.Linear(hidden, width, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens [..., width] to tokens of the same shape."""
        gate, value = self.gate_and_value(tokens).chunk(2, dim=-1)
        out: Tensor = self.out(functional.silu(gate) * value)
        return out


def _feed_forward(config: ResidueTransformerConfig) -> nn.Module:
    if config.feed_forward == "gated":
        # Three matrices of 8/3 hold as much as two of 4; multiples of 16 suit matrix units.
        hidden = config.feed_forward_width or -(-8 * config.width // 48) * 16
        return GatedFeedForward(config.width, hidden)
    hidden = config.feed_forward_width or 4 * config.width
    return nn.Sequential(
        nn.Linear(config.width, hidden), nn.GELU(), nn.Linear(hidden, config.width)
    )
