"""Logits of residue pairs from squared differences of tokens, without a tensor of all pairs.

z_ij = W2 relu(W1 (h_i − h_j)² + b1) + b2, the square taken channel by channel. Written out, (h_i −
h_j)² with L residues and C channels has L · L · C numbers: 5 GB at L = 1,000 and C = 1,280. But

  Σ_c W1_kc (h_ic − h_jc)² = (W1 h_i²)_k + (W1 h_j²)_k − 2 Σ_c (h_ic W1_kc) h_jc

needs matrix products alone, and no more than one block of rows at a time. Where blocks are
recomputed in the backward pass, memory does not grow with the number of pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

HIDDEN: Final = 128
"""Channels between the two linear maps, as in STEPS."""
_BLOCK: Final = 1 << 22
"""Numbers in the largest tensor of a block."""


@dataclass(frozen=True, slots=True)
class PairMap:
    """The weights of a `PairHead` as they are now.

    What is recomputed in the backward pass must find the weights of the forward pass, though other
    ones may stand in the module by then (`torch.func.functional_call`).

    Attributes
    ----------
    first_weight, first_bias
        [hidden, width] and [hidden].
    last_weight, last_bias
        [class, hidden] and [class].
    """

    first_weight: Tensor
    first_bias: Tensor
    last_weight: Tensor
    last_bias: Tensor

    def logits(self, left: Tensor, right: Tensor) -> Tensor:
        """Logits [pair, class] of tokens [pair, width] and [pair, width]."""
        apart = (left - right).square()
        hidden = functional.linear(apart, self.first_weight, self.first_bias).relu()
        return functional.linear(hidden, self.last_weight, self.last_bias)

    def squares(self, tokens: Tensor) -> Tensor:
        """What `between` needs of tokens [residue, width] beside themselves: [residue, hidden]."""
        return tokens.square() @ self.first_weight.T

    def between(
        self, rows: Tensor, columns: Tensor, row_squares: Tensor, column_squares: Tensor
    ) -> Tensor:
        """Logits of each row with each column.

        Parameters
        ----------
        rows, columns
            Tokens [row, width] and [column, width]. Rounding is that of their length, not of their
            difference: take away first what all have in common.
        row_squares, column_squares
            Their `squares`.

        Returns
        -------
        Tensor
            [row, column, class].
        """
        apart = (row_squares + self.first_bias)[:, :, None] + column_squares.T
        scaled = (rows[:, None] * self.first_weight).flatten(0, 1)
        summed = torch.addmm(apart.flatten(0, 1), scaled, columns.T, alpha=-2)
        hidden = summed.relu_().view(len(rows), -1, len(columns)).transpose(1, 2)
        return hidden @ self.last_weight.T + self.last_bias

    def block_rows(self, residues: int) -> int:
        """How many rows `between` should be given where there are so many columns."""
        hidden, width = self.first_weight.shape
        return max(1, _BLOCK // (hidden * max(residues, width)))

    @property
    def block_pairs(self) -> int:
        """How many pairs `logits` should be given."""
        return max(1, _BLOCK // max(self.first_weight.shape))


class PairHead(nn.Module):
    """Squared differences of tokens to logits; z_ij = z_ji.

    Parameters
    ----------
    width
        Channels of a token.
    classes
        Channels of the logits.
    hidden
        Channels in between.
    """

    def __init__(self, width: int, classes: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.first = nn.Linear(width, hidden)
        self.last = nn.Linear(hidden, classes)
        with torch.no_grad():
            self.last.weight.mul_(0.1)

    def forward(self) -> PairMap:
        """What it makes of pairs now."""
        return PairMap(self.first.weight, self.first.bias, self.last.weight, self.last.bias)
