"""What a forward pass gives, on its way from the device to single proteins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multiprot.embedding.pieces import PieceVectors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchOutputs:
    """One batch of pieces.

    Attributes
    ----------
    vectors
        float32 [piece, width].
    mask
        bool [piece, residue] if padded, [token] if packed: the residue has a token.
    tokens
        float32 [piece, residue, width] or [token, width]; None if not asked for.
    used
        bool [piece] of each modality: it gave the piece at least one token.
    packed
        Which of the two layouts.
    """

    vectors: Tensor
    mask: Tensor
    tokens: Tensor | None
    used: Mapping[str, Tensor]
    packed: bool

    def to_host(self) -> BatchOutputs:
        """The same in the host's memory; from a GPU the copies may still be under way.

        Wait for the stream, or for an event recorded after this call, before reading.
        """
        return self._map(_to_host)

    def pieces(self, lengths: Sequence[int]) -> list[PieceVectors]:
        """One result per piece; `lengths` are their residues. For outputs on the host."""
        vectors = self.vectors.numpy()
        used = {name: rows.tolist() for name, rows in self.used.items()}
        masks = self._cut(self.mask.numpy(), lengths)
        tokens = None if self.tokens is None else self._cut(self.tokens.numpy(), lengths)
        return [
            PieceVectors(
                # Copies: a view would keep the whole batch in memory.
                vector=vectors[row].copy(),
                mask=masks[row].copy(),
                used=frozenset(name for name, rows in used.items() if rows[row]),
                residues=None if tokens is None else _blanked(tokens[row], masks[row]),
            )
            for row in range(len(lengths))
        ]

    def _cut(self, rows: NDArray[Any], lengths: Sequence[int]) -> list[NDArray[Any]]:
        if not self.packed:
            return [rows[row, :length] for row, length in enumerate(lengths)]
        bounds = pairwise(accumulate(lengths, initial=0))
        return [rows[start:stop] for start, stop in bounds]

    def _map(self, move: Callable[[Tensor], Tensor]) -> BatchOutputs:
        return replace(
            self,
            vectors=move(self.vectors),
            mask=move(self.mask),
            tokens=None if self.tokens is None else move(self.tokens),
            used={name: move(rows) for name, rows in self.used.items()},
        )


def _to_host(tensor: Tensor) -> Tensor:
    if tensor.device.type != "cuda":
        return tensor.cpu()
    # Only into page-locked memory does a copy run beside the computation.
    target = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return target.copy_(tensor, non_blocking=True)


def _blanked(tokens: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """float32 [residue, width] with NaN where a residue has no token."""
    return np.where(mask[:, None], tokens, np.float32("nan")).astype(np.float32, copy=False)
