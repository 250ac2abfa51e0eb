"""Means over batches in which every item counts the same."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class WeightedMeans:
    """Sums of value times weight, and of weights, by name; kept where the values are.

    Objectives give joint values, the same in every process, so nothing is exchanged here.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._weights: dict[str, Tensor] = {}

    def add(self, values: Mapping[str, Tensor], weight: Tensor) -> None:
        """Count scalar `values` as means over `weight` items; weight 0 adds nothing."""
        heavy = weight.detach().double()
        for name, value in values.items():
            # A value over no items may be anything, and NaN times 0 would be NaN.
            part = torch.where(heavy > 0, value.detach().double() * heavy, 0.0)
            self._sums[name] = self._sums.get(name, torch.zeros_like(part)) + part
            self._weights[name] = self._weights.get(name, torch.zeros_like(heavy)) + heavy

    def compute(self) -> dict[str, float]:
        """The means, sorted by name; names without any item are left out."""
        return {
            name: float(self._sums[name] / self._weights[name])
            for name in sorted(self._sums)
            if float(self._weights[name]) > 0
        }
