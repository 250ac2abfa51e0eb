"""Small numeric pieces that several losses share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

NOTHING = -1e9
"""Logarithm of an empty sum: finite, so that differences stay finite, yet beyond any score."""


class LearnedScale(nn.Module):
    """1 / temperature, learned as its logarithm and kept within bounds (CLIP, Radford 2021).

    Parameters
    ----------
    temperature
        Where it begins.
    lowest, highest
        Bounds of the temperature.
    """

    def __init__(self, temperature: float, lowest: float = 0.01, highest: float = 1.0) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        self.bounds = (-math.log(highest), -math.log(lowest))

    def forward(self) -> Tensor:
        """The scale, a float32 scalar."""
        return self.log_scale.float().clamp(*self.bounds).exp()


def masked_log_sum(logits: Tensor, mask: Tensor, dim: int) -> Tensor:
    """Log of the sum of exponentials along `dim` where `mask` is True; `NOTHING` if nowhere."""
    return logits.masked_fill(~mask, NOTHING).logsumexp(dim).clamp(min=NOTHING)


def masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    """Sum of `values` where `mask` is True."""
    return torch.where(mask, values, 0.0).sum()


def recall_at(scores: Tensor, positive: Tensor, candidate: Tensor, k: int = 10) -> Tensor:
    """Share of each row's positives among its `k` best candidates, of those that could be there.

    Parameters
    ----------
    scores
        [row, column].
    positive, candidate
        bool [row, column]; `positive` within `candidate`.
    k
        How many of the best are looked at.

    Returns
    -------
    Tensor
        float32 [row]; 0 for a row without positives.
    """
    best = scores.masked_fill(~candidate, -torch.inf).topk(min(k, scores.shape[1]), dim=1).indices
    found = positive.gather(1, best).sum(dim=1)
    return found / positive.sum(dim=1).clamp(min=1, max=k)
