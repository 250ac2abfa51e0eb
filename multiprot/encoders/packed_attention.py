"""Attention within each of several proteins that stand one behind another, without padding.

For plugins that pack. Only torch's own kernels are used: on CUDA `varlen_attn` where this torch has
it and the type is half precision, else SDPA over nested tensors; on other devices SDPA for each
run of proteins of equal length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from inspect import signature
from itertools import groupby
from typing import Any, Self

import torch
import torch.nn.functional as functional
from torch import Tensor


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
    scale: float | None = None,
    dropout: float = 0.0,
) -> Tensor:
    """Each token attends to all tokens of its own protein and to no other.

    Parameters
    ----------
    query, key, value
        [token, head, channel].
    packing
        The proteins that the tokens belong to, on the tokens' device.
    scale
        Factor of the scores; by default one over the root of the channels.
    dropout
        Share of attention weights dropped; 0 outside training.

    Returns
    -------
    Tensor
        [token, head, channel].
    """
    if not query.numel():
        return value
    if query.is_cuda:
        kernel = _varlen_kernel()
        half = query.dtype in (torch.bfloat16, torch.float16)
        if kernel is not None and half and not dropout and not query.shape[-1] % 8:
            longest = max(packing.lengths)
            offsets = packing.offsets
            seen: Tensor = kernel(
                query, key, value, offsets, offsets, longest, longest, scale=scale
            )
            return seen
        return _nested(query, key, value, packing, scale, dropout)
    return _by_runs(query, key, value, packing, scale, dropout)


@cache
def _varlen_kernel() -> Callable[..., Any] | None:
    """`varlen_attn` of torch 2.10 and later, or None."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    known = signature(varlen_attn).parameters
    if "scale" not in known:
        return None
    # One split: several depend on the longest protein of the batch and round otherwise.
    one_split: dict[str, Any] = {"num_splits": 1} if "num_splits" in known else {}

    return partial(varlen_attn, **one_split)


def _nested(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    packing: Packing,
    scale: float | None,
    dropout: float,
) -> Tensor:
    shortest, longest = min(packing.lengths), max(packing.lengths)
    q, k, v = (
        torch.nested.nested_tensor_from_jagged(
            part, packing.offsets, min_seqlen=shortest, max_seqlen=longest
        ).transpose(1, 2)
        for part in (query, key, value)
    )
    seen = functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout, scale=scale)
    return seen.transpose(1, 2).values()


def _by_runs(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    packing: Packing,
    scale: float | None,
    dropout: float,
) -> Tensor:
    runs = [(length, len(list(run))) for length, run in groupby(packing.lengths)]
    sizes = [length * proteins for length, proteins in runs]
    rows = zip(*(torch.split(part, sizes) for part in (query, key, value)), runs, strict=True)
    seen = []
    for *parts, (length, proteins) in rows:
        q, k, v = (part.unflatten(0, (proteins, length)).transpose(1, 2) for part in parts)
        out = functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout, scale=scale)
        seen.append(out.transpose(1, 2).flatten(0, 1))
    return torch.cat(seen)
