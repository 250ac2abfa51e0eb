"""A sequence encoder and the linear map behind it, as an encoder of its own."""

from __future__ import annotations

from typing import Any

from torch import nn

from multiprot.encoders.contract import PackedTokens, ResidueEncoder, ResidueTokens
from multiprot.fusion.tokens import cleared


class MappedEncoder(ResidueEncoder[Any]):
    """All of a model that leaves the tokens of its only encoder alone but for their width.

    Shape law: as the encoder's, in the layout of the features, with the channels of the map.

    Parameters
    ----------
    encoder
        Whose tokens are mapped.
    linear
        From its channels to those of the tokens.
    """

    def __init__(self, encoder: ResidueEncoder[Any], linear: nn.Linear) -> None:
        super().__init__()
        self.encoder, self.linear = encoder, linear
        self.token_dim = linear.out_features
        self.featurizer = encoder.featurizer

    def forward(self, features: Any) -> ResidueTokens | PackedTokens:
        """Tokens in the layout of `features`, exact zeros where the mask is False."""
        tokens = self.encoder(features)
        mapped = cleared(self.linear(cleared(tokens.values, tokens.mask)), tokens.mask)
        if isinstance(tokens, PackedTokens):
            return PackedTokens(mapped, tokens.mask, tokens.offsets)
        return ResidueTokens(mapped, tokens.mask)

    def compile(self, **options: Any) -> None:
        """As the encoder's; one linear map gains nothing."""
        self.encoder.compile(**options)
