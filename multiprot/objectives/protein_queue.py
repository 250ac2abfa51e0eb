"""Proteins of past steps, kept as negatives that a small batch does not have."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import torch
from torch import Tensor, nn


class ProteinQueue(nn.Module):
    """Vectors of the latest proteins, the last protein of the last step first.

    They are part of the state, so that a run that is resumed goes on from the same ones.

    Parameters
    ----------
    size
        How many proteins are kept; 0: none.
    channels
        Numbers kept of each.

    Attributes
    ----------
    vectors
        float32 [protein, channel], without gradient; zeros where nothing was kept yet.
    keys
        int64 [protein], as of `protein_keys`.
    filled
        bool [protein].
    """

    vectors: Tensor
    keys: Tensor
    filled: Tensor

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(size, channels))
        self.register_buffer("keys", torch.zeros(size, dtype=torch.int64))
        self.register_buffer("filled", torch.zeros(size, dtype=torch.bool))

    def absent(self, present: Tensor) -> Tensor:
        """bool [protein of the queue]: kept, and not one of `present`, int64 [protein], keys."""
        return self.filled & ~torch.isin(self.keys, present)

    @torch.no_grad()
    def push(self, vectors: Tensor, keys: Tensor) -> None:
        """Keep `vectors` [protein, channel], last one first, and let the oldest go."""
        new = (vectors.flip(0), keys.flip(0), torch.ones_like(keys, dtype=torch.bool))
        for kept, added in zip((self.vectors, self.keys, self.filled), new, strict=True):
            kept.copy_(torch.cat([added.to(kept.dtype), kept])[: len(kept)])


def protein_keys(ids: Sequence[str]) -> Tensor:
    """int64 [protein]: a number for each id, the same in every process and run."""
    digests = (blake2b(each.encode(), digest_size=8).digest() for each in ids)
    keys = [int.from_bytes(digest, "little", signed=True) for digest in digests]
    return torch.tensor(keys, dtype=torch.int64)
