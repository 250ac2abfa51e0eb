"""Which items of a set are hidden: the draw that all masked objectives share."""

from __future__ import annotations

import torch
from torch import Tensor


def choose_items(eligible: Tensor, rate: float, rng: torch.Generator) -> Tensor:
    """Each eligible item with probability `rate`, and at least one in each protein.

    Parameters
    ----------
    eligible
        bool [protein, item], on the CPU.
    rate
        Probability.
    rng
        Decides.

    Returns
    -------
    Tensor
        bool [protein, item].
    """
    lots = torch.rand(eligible.shape, generator=rng).masked_fill(~eligible, torch.inf)
    lowest = lots == lots.amin(dim=1, keepdim=True)
    return eligible & ((lots < rate) | lowest)
