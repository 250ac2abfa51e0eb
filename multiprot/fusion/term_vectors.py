"""Vectors of the GO terms of a batch, each term encoded once however often it is asked for."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from multiprot.encoders.contract import GoEncoder


class TermVectors:
    """Vectors by term. An encoder on the graph of GO computes all of it at each call.

    Parameters
    ----------
    encoder
        Gives each term its vector.
    terms
        int64 tensors of any shape: all terms that will be asked for; negative ones are passed over.
    """

    def __init__(self, encoder: GoEncoder, terms: Iterable[Tensor]) -> None:
        every = torch.cat([part.flatten() for part in terms])
        self._terms: Tensor = torch.unique(every[every >= 0])
        self._vectors: Tensor = encoder(self._terms)

    def __call__(self, terms: Tensor) -> Tensor:
        """Vectors [term, channel] of `terms`, int64 [term]."""
        return self._vectors.index_select(0, torch.searchsorted(self._terms, terms))
