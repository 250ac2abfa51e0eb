"""Attention to the items of a set that are there; to none of them, exact zeros."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from multiprot.encoders.contract import ResidueTokens
from multiprot.encoders.cpu_attention import masked_attention
from multiprot.fusion.tokens import cleared


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Softmax attention over the unmasked keys.

    What stands behind the mask must be finite, as `cleared` makes it.

    Parameters
    ----------
    query
        [protein, item, head, channel].
    key, value
        [protein, key, head, channel].
    mask
        bool [protein, key]; False where a key is not there.

    Returns
    -------
    Tensor
        [protein, item, head · channel]; exact zeros for a protein without any key.
    """
    seen = mask.any(dim=1)
    # A softmax over no key is NaN or uniform, depending on the kernel. Such rows get every key
    # here, and zeros below.
    attended = mask | ~seen[:, None]
    gathered = masked_attention(
        query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), attended
    )
    return cleared(gathered.transpose(1, 2).flatten(2), seen.unsqueeze(1))


class Attention(nn.Module):
    """Several heads that look at a set of items, without positions (Vaswani et al. 2017).

    Parameters
    ----------
    width
        Channels of what looks, and of what it finds.
    heads
        Number of heads; divides `width`.
    other
        Channels of what is looked at.
    """

    def __init__(self, width: int, heads: int, other: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(other, 2 * width)
        self.mix = nn.Linear(width, width)

    def forward(self, queries: Tensor, items: ResidueTokens) -> Tensor:
        """What each of `queries` [protein, query, width] finds, of the same shape.

        Zeros for a protein that has no item.
        """
        projected: Tensor = self.key_value(items.values)
        key, value = projected.chunk(2, dim=-1)
        found = attend(
            self._by_head(self.query(queries)),
            self._by_head(key),
            self._by_head(value),
            items.mask,
        )
        return cleared(self.mix(found), items.mask.any(dim=1, keepdim=True))

    def _by_head(self, tokens: Tensor) -> Tensor:
        return tokens.reshape(*tokens.shape[:2], self.heads, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerShape:
    """Sizes of a `TransformerLayer`.

    Attributes
    ----------
    width
        Channels of the set.
    heads
        Attention heads; divide `width`.
    hidden
        Channels inside the feed-forward block.
    dropout
        Share of channels dropped from each part.
    norm_first
        Each part reads normalised tokens; False: each sum is normalised (see `TransformerLayer`).
    """

    width: int
    heads: int
    hidden: int
    dropout: float
    norm_first: bool


class TransformerLayer(nn.Module):
    """Attention within a set, to another set, or to both in this order; then feed-forward.

    What each part finds is added to what it was given. Norms stand before the parts (pre-norm,
    Xiong et al. 2020, arXiv:2002.04745), or behind each sum as in Vaswani et al. 2017,
    arXiv:1706.03762, and in MASSA, which learns at small rates only.

    Parameters
    ----------
    shape
        Sizes.
    within
        Attention within the set.
    other
        Channels of another set that is looked at, or None.
    """

    def __init__(self, shape: LayerShape, *, within: bool = True, other: int | None = None) -> None:
        super().__init__()
        width = shape.width
        self.norm_first = shape.norm_first
        self.within = Attention(width, shape.heads, width) if within else None
        self.across = None if other is None else Attention(width, shape.heads, other)
        self.other_norm = nn.LayerNorm(other) if other and shape.norm_first else nn.Identity()
        self.feed_forward = nn.Sequential(
            nn.Linear(width, shape.hidden),
            nn.ReLU(),
            nn.Dropout(shape.dropout),
            nn.Linear(shape.hidden, width),
        )
        parts = within + (other is not None) + 1
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(parts))
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, own: ResidueTokens, other: ResidueTokens | None = None) -> ResidueTokens:
        """The set after this layer; exact zeros where its mask is False."""
        values = own.values
        if self.within is not None:
            attention = self.within
            values = self._added(
                values,
                self.norms[0],
                lambda seen: attention(seen, ResidueTokens(seen, own.mask)),
            )
        if self.across is not None and other is not None:
            across, items = self.across, ResidueTokens(self.other_norm(other.values), other.mask)
            values = self._added(values, self.norms[-2], lambda seen: across(seen, items))
        values = self._added(values, self.norms[-1], self.feed_forward)
        return ResidueTokens(cleared(values, own.mask), own.mask)

    def _added(self, values: Tensor, norm: nn.Module, part: Callable[[Tensor], Tensor]) -> Tensor:
        found: Tensor = self.dropout(part(norm(values) if self.norm_first else values))
        total = values + found
        return total if self.norm_first else norm(total)


class TokenNorm(nn.Module):
    """LayerNorm of tokens; exact zeros where their mask is False."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: ResidueTokens) -> ResidueTokens:
        """Tokens of the same shape."""
        return ResidueTokens(cleared(self.norm(tokens.values), tokens.mask), tokens.mask)
