"""A student for padded batches in operations that ONNX has: real numbers, no Python per protein."""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from multiprot.encoders.reference.residue_transformer import (
    Attention,
    ResidueTransformer,
    through,
)
from multiprot.encoders.rotary import real_turns

_NEVER: Final = 1e9
"""Taken off a score, it leaves a weight of exactly zero in float32."""


class PaddedAttention(Attention):
    """Attention written out, with a number added to scores.

    What torch's own becomes in ONNX chooses between two numbers and looks for NaN at every pair of
    residues, which takes a seventh of the time.

    Parameters
    ----------
    positions
        int64 [residue].
    added
        [protein, 1, 1, residue]: 0 where a residue may be attended to.
    """

    def __init__(self, positions: Tensor, added: Tensor) -> None:
        super().__init__(positions, None, None)
        self._added = added

    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """As `Attention`, for [protein, residue, head, channel]."""
        query, key, value = (part.transpose(1, 2) for part in (query, key, value))
        scores = (query * query.shape[-1] ** -0.5) @ key.mT + self._added
        seen: Tensor = (scores.softmax(dim=-1) @ value).transpose(1, 2)
        return seen


class PaddedStudent(nn.Module):
    """From input_ids and attention_mask to residue tokens and protein vectors.

    Parameters
    ----------
    trunk
        The student's transformer, whose modules these are.
    """

    def __init__(self, trunk: ResidueTransformer) -> None:
        super().__init__()
        rows = functional.pad(trunk.embedding.weight.detach(), (0, 0, 0, 1))
        self.embedding = nn.Embedding(len(rows), trunk.token_dim, _weight=rows)
        self.blocks, self.norm = trunk.blocks, trunk.norm
        self._head_dim, self._rotary_base = trunk.head_dim, trunk.rotary_base

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [protein, residue, channel], zeros at padding, and vectors [protein, channel].

        Parameters
        ----------
        input_ids
            int64 [protein, residue].
        attention_mask
            int64 [protein, residue]: 1 at residues, 0 at padding; a residue in every row.
        """
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        turns = real_turns(positions, self._head_dim, self._rotary_base)
        shown = attention_mask.to(self.embedding.weight.dtype)[..., None]
        attention = PaddedAttention(positions, (shown - 1).mT[:, None] * _NEVER)
        states = through(self.blocks, self.embedding(input_ids), turns, attention)
        tokens = self.norm(states) * shown
        return tokens, tokens.sum(dim=1) / shown.sum(dim=1)
