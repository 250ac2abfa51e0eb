"""The first layers of a student as an encoder of their own, where only the last ones learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch

from multiprot.encoders.contract import (
    Featurizer,
    PackedTokens,
    ResidueEncoder,
    ResidueTokens,
)
from multiprot.encoders.reference.letters import LetterFeatures
from multiprot.encoders.reference.residue_transformer import (
    Attention,
    ResidueTransformer,
    in_layout,
    through,
)
from multiprot.encoders.rotary import rotary_turns


class FrozenLayers(ResidueEncoder[LetterFeatures]):
    """Embedding and first blocks of a student: always in use mode, without gradient.

    Shape law: as the student's own.

    Parameters
    ----------
    trunk
        The whole transformer, whose modules these are.
    layers
        How many of its blocks.
    featurizer
        The student's.
    portable_options
        The student's.
    """

    def __init__(
        self,
        trunk: ResidueTransformer,
        layers: int,
        featurizer: Featurizer[LetterFeatures],
        portable_options: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.token_dim, self.featurizer = trunk.token_dim, featurizer
        self.portable_options = portable_options
        self.embedding, self.blocks = trunk.embedding, trunk.blocks[:layers]
        self._head_dim, self._rotary_base = trunk.head_dim, trunk.rotary_base
        self.eval()

    def forward(self, features: LetterFeatures) -> ResidueTokens | PackedTokens:
        """Tokens in the layout of `features`."""
        with torch.no_grad():
            attention = Attention.of(features)
            turns = rotary_turns(attention.positions, self._head_dim, self._rotary_base)
            states = through(self.blocks, self.embedding(features.letters), turns, attention)
            return in_layout(states, features)

    def train(self, mode: bool = True) -> Self:
        """It stays as in use."""
        return super().train(False)


def last_layers(trunk: ResidueTransformer, layers: int, tokens: ResidueTokens) -> ResidueTokens:
    """A student's tokens from those of its first `layers` blocks.

    Parameters
    ----------
    trunk
        The whole transformer.
    layers
        How many blocks the tokens have passed.
    tokens
        [protein, residue, width], of `FrozenLayers`.
    """
    # Attention to nothing at all would be NaN: a protein without any token attends to zeros.
    attended = tokens.mask | ~tokens.mask.any(dim=1, keepdim=True)
    attention = Attention.among(attended)
    turns = rotary_turns(attention.positions, trunk.head_dim, trunk.rotary_base)
    states = trunk.norm(through(trunk.blocks[layers:], tokens.values, turns, attention))
    return ResidueTokens(states.masked_fill(~tokens.mask[..., None], 0), tokens.mask)
