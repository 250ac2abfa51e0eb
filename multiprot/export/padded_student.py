"""A student for padded batches in operations that ONNX has: real numbers, no Python per protein."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from multiprot.encoders.reference.residue_transformer import (
    Attention,
    ResidueTransformer,
    through,
)
from multiprot.encoders.rotary import real_turns


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
        attention = Attention.among(attention_mask.bool())
        states = through(self.blocks, self.embedding(input_ids), turns, attention)
        shown = attention_mask.to(states.dtype)[..., None]
        tokens = self.norm(states) * shown
        return tokens, tokens.sum(dim=1) / shown.sum(dim=1)
