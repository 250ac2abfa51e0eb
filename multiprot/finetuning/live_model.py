"""A bundle's model while it learns."""

from __future__ import annotations

from typing import Any

import torch

from multiprot.data.token_cache.reader import TokenReader
from multiprot.embedding.models.bundle_model import BundleModel
from multiprot.embedding.models.outputs import BatchOutputs


class LiveModel(BundleModel):
    """As when it embeds, but in no mode that training could not go on from.

    Encoders keep tables of positions; made in torch's inference mode, they could not be used in a
    step that learns.
    """

    def forward(self, features: Any, *, residues: bool) -> BatchOutputs:
        """As `BundleModel.forward`."""
        with torch.no_grad():
            return self.outputs(features, residues=residues)

    def read_sequences(self, tokens: TokenReader) -> None:
        """Take the sequence encoder's tokens from `tokens` from now on, and run it no more."""
        self.collate(tokens)
