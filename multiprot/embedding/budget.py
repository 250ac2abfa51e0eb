"""Batches of similar length under a budget that counts attention's square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from multiprot.embedding.options import EmbedOptions

CPU_TOKENS: Final = 4096
GPU_TOKENS: Final = 65_536


@dataclass(slots=True)
class TokenBudget:
    """What a batch may cost; it shrinks where memory proves too small.

    Attributes
    ----------
    tokens
        Cost that a batch may have, in residues.
    quadratic_residues
        Length at which a residue counts twice.
    packed
        Batches hold no padding: a protein costs what it is, not what the longest is.
    """

    tokens: float
    quadratic_residues: int
    packed: bool

    @classmethod
    def of(cls, options: EmbedOptions, device: str, *, packed: bool) -> TokenBudget:
        """The budget that `options` ask for on a device of this type."""
        tokens = options.tokens_per_batch or (CPU_TOKENS if device == "cpu" else GPU_TOKENS)
        return cls(tokens, options.quadratic_residues, packed)

    def cost(self, length: int) -> float:
        """Of one protein of `length` residues."""
        return length + length**2 / self.quadratic_residues

    def batches(self, lengths: Sequence[int]) -> list[list[int]]:
        """Positions in `lengths`, grouped so that no group costs more than the budget.

        Longest first, so that running out of memory shows at once. A protein that costs more makes
        a batch of its own. Every position occurs exactly once.
        """
        order = sorted(range(len(lengths)), key=lambda position: -lengths[position])
        batches: list[list[int]] = []
        total = 0.0
        for position in order:
            # Without packing, each protein of a batch costs what its longest, the first, costs.
            first = position if self.packed or not batches else batches[-1][0]
            cost = self.cost(lengths[first])
            if batches and total + cost <= self.tokens:
                batches[-1].append(position)
                total += cost
            else:
                batches.append([position])
                total = self.cost(lengths[position])
        return batches

    def learn(self, lengths: Sequence[int]) -> None:
        """Memory did not suffice for a batch of these lengths: allow half of what it cost."""
        if len(lengths) < 2:
            return
        longest = max(lengths)
        costs = [self.cost(length if self.packed else longest) for length in lengths]
        self.tokens = min(self.tokens, sum(costs) / 2)
