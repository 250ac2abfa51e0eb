"""Costs as Sinkhorn's iteration needs them: as a matrix, or block by block for large sets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import normalize


def cosine_cost(x: Tensor, y: Tensor, power: float) -> Tensor:
    """(1 − cosine)^power [protein, other protein], differentiable."""
    distance = 1.0 - normalize(x, dim=1) @ normalize(y, dim=1).T
    # Rounding may put a cosine beyond 1, where a fractional power is no number.
    return distance if power == 1 else distance.clamp(min=0.0) ** power


class Costs(Protocol):
    """Costs between two sets whose proteins weigh the same."""

    def softmin(self, potential: Tensor, epsilon: float, axis: int) -> Tensor:
        """−ε log of the mean of exp((potential − cost) / ε).

        Axis 0: of each row, over columns with the columns' potential; axis 1: of each column.
        """
        ...

    def mass(self, f: Tensor, g: Tensor, epsilon: float) -> Tensor:
        """Sum of the plan, mean of exp((f + g − cost) / ε)."""
        ...

    def zeros(self, axis: int) -> Tensor:
        """A potential of the rows (0) or columns (1)."""
        ...

    def largest(self) -> float:
        """A bound on the costs."""
        ...


class MatrixCosts:
    """All costs at once, [protein, other protein]; gradients flow from `mass` to them."""

    def __init__(self, matrix: Tensor) -> None:
        self._matrix = matrix

    def softmin(self, potential: Tensor, epsilon: float, axis: int) -> Tensor:
        """As in `Costs`."""
        costs = self._matrix if axis == 0 else self._matrix.T
        return _softmin(potential, costs, epsilon)

    def mass(self, f: Tensor, g: Tensor, epsilon: float) -> Tensor:
        """As in `Costs`."""
        return ((f[:, None] + g[None, :] - self._matrix) / epsilon).exp().mean()

    def zeros(self, axis: int) -> Tensor:
        """As in `Costs`."""
        return self._matrix.new_zeros(self._matrix.shape[axis])

    def largest(self) -> float:
        """As in `Costs`."""
        return float(self._matrix.detach().abs().max())


class StreamedCosts:
    """Costs computed anew from the vectors, a block of rows at a time; without gradients.

    One iteration takes as long as two products of all vectors with all others: seconds on a GPU for
    50,000 proteins of 1,024 channels, minutes on two cores.
    """

    def __init__(self, x: Tensor, y: Tensor, power: float, block: int = 2048) -> None:
        self._sets = (normalize(x, dim=1), normalize(y, dim=1))
        self._power, self._block = power, block

    def softmin(self, potential: Tensor, epsilon: float, axis: int) -> Tensor:
        """As in `Costs`."""
        return torch.cat([_softmin(potential, costs, epsilon) for _, costs in self._blocks(axis)])

    def mass(self, f: Tensor, g: Tensor, epsilon: float) -> Tensor:
        """As in `Costs`."""
        rows = [
            ((f[part, None] + g[None, :] - costs) / epsilon).exp().mean(dim=1)
            for part, costs in self._blocks(0)
        ]
        return torch.cat(rows).mean()

    def zeros(self, axis: int) -> Tensor:
        """As in `Costs`."""
        return self._sets[axis].new_zeros(len(self._sets[axis]))

    def largest(self) -> float:
        """As in `Costs`."""
        return float(2.0**self._power)

    def _blocks(self, axis: int) -> Iterator[tuple[slice, Tensor]]:
        own, other = self._sets[axis], self._sets[1 - axis]
        for start in range(0, len(own), self._block):
            part = slice(start, start + self._block)
            distance = 1.0 - own[part] @ other.T
            costs = distance if self._power == 1 else distance.clamp(min=0.0) ** self._power
            yield part, costs


def _softmin(potential: Tensor, costs: Tensor, epsilon: float) -> Tensor:
    """−ε log of the mean over columns, [row]."""
    sums = ((potential[None, :] - costs) / epsilon).logsumexp(dim=1)
    return -epsilon * (sums - math.log(costs.shape[1]))
