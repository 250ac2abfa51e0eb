"""Attention on CPUs: proteins of equal length together, in the number format that is fastest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Final

import torch
import torch.nn.functional as functional
from torch import Tensor

_WRITTEN_OUT: Final = range(192, 1025)
"""Residues of the proteins for which matrix products written out are the faster to train with:
shorter ones spend more on calls, longer ones would keep too large a matrix of weights."""


def attention_by_runs(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    lengths: Sequence[int],
    *,
    bias: Tensor | None = None,
    scale: float | None,
    dropout: float,
) -> Tensor:
    """Attention within proteins of `lengths` tokens; parameters as of `packed_attention`.

    Neighbours of equal length share one call, which is as good as a batch of one protein each.
    """
    halves_train = _learns(query, value) and value.dtype == torch.bfloat16 and _halves_multiply()
    runs = [(length, len(list(run))) for length, run in groupby(lengths)]
    sizes = [length * proteins for length, proteins in runs]
    split = (torch.split(part, sizes) for part in (query, key, value))
    seen = []
    for run, *rows in zip(runs, *split, strict=True):
        length, proteins = run
        parts = [row.unflatten(0, (proteins, length)).transpose(1, 2) for row in rows]
        attend = _written_out if halves_train and length in _WRITTEN_OUT else _fused
        # Four dimensions: with three, SDPA takes a slower kernel.
        added = None if bias is None else bias[None, :, :length, :length]
        out = attend(*parts, scale=scale, dropout=dropout, mask=added)
        seen.append(out.transpose(1, 2).flatten(0, 1))
    return torch.cat(seen)


def masked_attention(query: Tensor, key: Tensor, value: Tensor, attended: Tensor) -> Tensor:
    """Attention between sets that are padded, on whatever device they are.

    Parameters
    ----------
    query, key, value
        [protein, head, item, channel].
    attended
        bool [protein, key]; at least one True in each row.

    Returns
    -------
    Tensor
        As `query`, in the dtype of `value`.
    """
    mask = attended[:, None, None, :]
    if value.device.type != "cpu":
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    halves = value.dtype == torch.bfloat16 and _halves_multiply()
    if halves and _learns(query, value) and key.shape[2] <= _WRITTEN_OUT[-1]:
        return _written_out(query, key, value, scale=None, dropout=0.0, mask=mask)
    return _fused(query, key, value, scale=None, dropout=0.0, mask=mask)


def _learns(query: Tensor, value: Tensor) -> bool:
    return torch.is_grad_enabled() and (query.requires_grad or value.requires_grad)


def _fused(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    scale: float | None,
    dropout: float,
    mask: Tensor | None = None,
) -> Tensor:
    kind = value.dtype if _halves_are_fused() else torch.float32
    if mask is not None and mask.dtype != torch.bool:
        mask = mask.to(kind)
    seen = functional.scaled_dot_product_attention(
        query.to(kind), key.to(kind), value.to(kind), attn_mask=mask, dropout_p=dropout, scale=scale
    )
    return seen.to(value.dtype)


def _written_out(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    scale: float | None,
    dropout: float,
    mask: Tensor | None = None,
) -> Tensor:
    """The same with products in bfloat16: SDPA's backward pass has no fast one on these CPUs."""
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = (query * scale).to(value.dtype) @ key.to(value.dtype).transpose(-1, -2)
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, -torch.inf)
    elif mask is not None:
        scores = scores + mask.to(scores.dtype)
    return functional.dropout(scores.softmax(dim=-1), dropout) @ value


@cache
def _halves_are_fused() -> bool:
    """Whether this CPU multiplies tiles of bfloat16 (AMX).

    Without, SDPA in bfloat16 is slower than in float32, even where the CPU has avx512_bf16.
    """
    return bool(torch.cpu._is_amx_tile_supported())


@cache
def _halves_multiply() -> bool:
    """Whether plain products of bfloat16 are fast here, and SDPA in bfloat16 is not."""
    return bool(torch.cpu._is_avx512_bf16_supported()) and not _halves_are_fused()
