"""Attention within each of several proteins that stand one behind another, without padding.

For plugins that pack. Only torch's own kernels are used: on CUDA `varlen_attn` where this torch has
it and the type is half precision, else SDPA over nested tensors, or over padded ones where scores
have a bias; on other devices a call for each run of proteins of equal length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from inspect import signature
from typing import Any, Self, TypeAlias, cast

import torch
import torch.nn.functional as functional
from torch import Tensor

from multiprot.encoders.cpu_attention import attention_by_runs

_Parts: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Query, key and value, each [token, head, channel]."""


@dataclass(frozen=True, slots=True, eq=False)
class Packing:
    """Where proteins begin and end in a packed row of tokens.

    Attributes
    ----------
    lengths
        Tokens of each protein. They stay on the host, where kernels are chosen.
    offsets
        int32 [protein + 1]: the same, cumulative, beginning with 0, on the tokens' device.
    """

    lengths: tuple[int, ...]
    offsets: Tensor

    @classmethod
    def of(cls, lengths: Sequence[int]) -> Self:
        """The packing of proteins of `lengths` tokens, on the CPU."""
        counts = torch.tensor([0, *lengths], dtype=torch.int64)
        return cls(tuple(lengths), counts.cumsum(0).to(torch.int32))

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        """The same packing with its offsets on `device`."""
        return type(self)(self.lengths, self.offsets.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """The same packing in page-locked memory."""
        return type(self)(self.lengths, self.offsets.pin_memory())

    @property
    def tokens(self) -> int:
        """Tokens in all."""
        return sum(self.lengths)

    @property
    def owners(self) -> Tensor:
        """int64 [token]: number of the protein that each token belongs to."""
        return self._repeated(torch.arange(len(self.lengths), device=self.offsets.device))

    @property
    def positions(self) -> Tensor:
        """int64 [token]: position of each token in its own protein, from 0."""
        starts = self._repeated(self.offsets[:-1].long())
        return torch.arange(self.tokens, device=self.offsets.device) - starts

    def _repeated(self, values: Tensor) -> Tensor:
        return torch.repeat_interleave(values, self.offsets.diff().long(), output_size=self.tokens)


def packed_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    packing: Packing,
    *,
    bias: Tensor | None = None,
    scale: float | None = None,
    dropout: float = 0.0,
) -> Tensor:
    """Each token attends to all tokens of its own protein and to no other.

    Parameters
    ----------
    query, key
        [token, head, channel], in the type of `value` or in float32, as rotary positions leave
        them: where the kernel computes in float32, the digits are kept.
    value
        [token, head, channel].
    packing
        The proteins that the tokens belong to, on the tokens' device.
    bias
        [head, place, place], for as many places as the longest protein has tokens or more: added to
        the scores of the tokens at these places of every protein. None: nothing is.
    scale
        Factor of the scores; by default one over the root of the channels.
    dropout
        Share of attention weights dropped; 0 outside training.

    Returns
    -------
    Tensor
        [token, head, channel], in the type of `value`.
    """
    if not value.numel():
        return value
    if not (value.is_cuda and _kernels_are_wanted()):
        lengths = packing.lengths
        parts = (query, key, value)
        return attention_by_runs(*parts, lengths, bias=bias, scale=scale, dropout=dropout)
    parts = (query.to(value.dtype), key.to(value.dtype), value)
    if bias is not None:
        return _padded(parts, packing, bias, scale, dropout)
    if not dropout and (kernel := _varlen_kernel(value)) is not None:
        longest = max(packing.lengths)
        return kernel(*parts, packing.offsets, packing.offsets, longest, longest, scale=scale)
    return _nested(parts, packing, scale, dropout)


def _kernels_are_wanted() -> bool:
    """Whether flash attention is on, as `torch.nn.attention.sdpa_kernel` sets it.

    Who needs a second derivative switches it off; kernels for packed tokens have none.
    """
    enabled: Callable[[], bool] = torch.backends.cuda.flash_sdp_enabled
    return enabled()


def _varlen_kernel(value: Tensor) -> Callable[..., Tensor] | None:
    """`varlen_attn` where there is one that takes `value`, or None."""
    half = value.dtype in (torch.bfloat16, torch.float16)
    # FlashAttention's own limits.
    fits = value.shape[-1] % 8 == 0 and value.shape[-1] <= 256
    if not (half and fits and torch.cuda.get_device_capability(value.device) >= (8, 0)):
        return None
    return _varlen_of_torch()


@cache
def _varlen_of_torch() -> Callable[..., Tensor] | None:
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    known = signature(varlen_attn).parameters
    if "scale" not in known:
        return None
    # How many splits a kernel takes by itself depends on the longest protein of the batch, and with
    # it the order of sums: one split gives a protein the same vector in every batch.
    one_split: dict[str, Any] = {"num_splits": 1} if "num_splits" in known else {}
    return cast(Callable[..., Tensor], partial(varlen_attn, **one_split))


def _nested(parts: _Parts, packing: Packing, scale: float | None, dropout: float) -> Tensor:
    offsets = packing.offsets.long()
    query, key, value = (
        torch.nested.nested_tensor_from_jagged(
            part, offsets, min_seqlen=min(packing.lengths), max_seqlen=max(packing.lengths)
        ).transpose(1, 2)
        for part in parts
    )
    seen = functional.scaled_dot_product_attention(
        query, key, value, dropout_p=dropout, scale=scale
    )
    values: Tensor = seen.transpose(1, 2).values()
    return values


def _padded(
    parts: _Parts, packing: Packing, bias: Tensor, scale: float | None, dropout: float
) -> Tensor:
    """Where there is a bias: no kernel for packed tokens takes one."""
    longest, proteins = max(packing.lengths), len(packing.lengths)
    places = (packing.owners, packing.positions)
    query, key, value = (
        part.new_zeros(proteins, longest, *part.shape[1:]).index_put(places, part).transpose(1, 2)
        for part in parts
    )
    known = torch.arange(longest, device=bias.device) < packing.offsets.diff()[:, None]
    added = bias[:, :longest, :longest].to(value.dtype)
    seen = functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=added.masked_fill(~known[:, None, None, :], -torch.inf),
        dropout_p=dropout,
        scale=scale,
    )
    return seen.transpose(1, 2)[places]
