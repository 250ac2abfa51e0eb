"""Proteins of a batch that have the same streams, so that none is computed for a missing one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor

from multiprot.encoders.contract import ResidueTokens
from multiprot.errors import DataError

Streams = dict[str, ResidueTokens | None]
"""Tokens by stream; None for a stream that no protein has."""


def known_streams(encoded: Streams) -> dict[str, ResidueTokens]:
    """The streams that at least one protein has; `DataError` if there is none."""
    known = {name: tokens for name, tokens in encoded.items() if tokens is not None}
    if not known:
        raise DataError(
            f"no protein of this batch has {' or '.join(encoded)}, which is all this model reads; "
            "leave such proteins out"
        )
    return known


def alike(encoded: Streams) -> Iterator[tuple[Tensor, Streams]]:
    """Groups of proteins by which streams they have a token in.

    Parameters
    ----------
    encoded
        Tokens of every stream for all proteins of the batch.

    Yields
    ------
    tuple[Tensor, Streams]
        Rows, int64 [protein], and their tokens; None for a stream none of them has. Every protein
        is in one group. One without any token keeps the first stream, with mask False throughout.

    Raises
    ------
    DataError
        If every stream is None.
    """
    known = known_streams(encoded)
    seen = torch.stack([tokens.mask.any(dim=1) for tokens in known.values()])
    for pattern in product((True, False), repeat=len(known)):
        wanted = torch.tensor(pattern, device=seen.device)
        rows = (seen == wanted[:, None]).all(dim=0).nonzero().squeeze(1)
        if len(rows):
            present = [name for name, has in zip(known, pattern, strict=True) if has]
            kept = present or list(known)[:1]
            yield rows, {n: _rows(known[n], rows) if n in kept else None for n in encoded}


def some_has_all(encoded: Streams) -> bool:
    """Whether at least one protein has tokens in every stream."""
    masks = [tokens.mask.any(dim=1) for tokens in encoded.values() if tokens is not None]
    return len(masks) == len(encoded) and bool(torch.stack(masks).all(dim=0).any())


def _rows(tokens: ResidueTokens, rows: Tensor) -> ResidueTokens:
    if len(rows) == len(tokens.mask):
        return tokens
    return ResidueTokens(tokens.values[rows], tokens.mask[rows])
