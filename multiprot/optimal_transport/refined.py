"""A match of two large sets that is improved block by block and never forms a large matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import TransferError
from multiprot.optimal_transport.costs import unit_costs
from multiprot.optimal_transport.exact import EXACT_ROWS, assignment
from multiprot.optimal_transport.rows import Rows, same_width, unit_rows

_PATIENCE: Final = 3
"""Sweeps in a row that gain less than asked before the search ends."""


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """A one-to-one match, a plan of optimal transport that need not be the best.

    Attributes
    ----------
    cost
        Mean cost; never below that of the best match.
    rows, columns
        int64 [pair] each: row of the first and of the second set.
    history
        Mean cost after each sweep, never rising.
    """

    cost: float
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    history: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """How a match is improved.

    Attributes
    ----------
    block
        Pairs that are matched anew at once; time of a sweep grows as its square.
    sweeps
        At most.
    gain
        The search ends when three sweeps in a row lower the cost by less than this share.
    seed
        Decides the order.
    """

    block: int = 500
    sweeps: int = 40
    gain: float = 1e-3
    seed: int = 0


def refined_match(x: Rows, y: Rows, *, power: float = 1.0, how: Refinement = Refinement()) -> Match:
    """A match whose mean cost (1 − cosine)^power is close to the least.

    All pairs are ordered by how much their sum points towards a random protein, cut into blocks,
    and each block is matched anew and exactly; so the cost can only fall. Neighbouring clusters
    meet in one block again and again. It is block coordinate descent on the assignment problem, as
    in Xie, Wang & Zhang 2024, J. Sci. Comput. 100:46, with blocks of pairs that lie together. Of
    the larger set as many proteins are drawn as the smaller one has.

    Memory: the unit vectors in float32 and one block of costs. A block as large as the sets gives
    the exact cost.

    Parameters
    ----------
    x
        [protein, channel].
    y
        [other protein, channel].
    power
        Of the cost; positive.
    how
        Size of blocks and number of sweeps.

    Raises
    ------
    TransferError
        If the sets cannot be compared or the numbers make no sense.
    """
    if not 1 <= how.block <= EXACT_ROWS or how.sweeps < 1:
        raise TransferError(
            f"{how.sweeps} sweeps with blocks of {how.block}; give at least 1 sweep, and blocks "
            f"of 1 to {EXACT_ROWS}"
        )
    same_width(x, y)
    first = unit_rows(x, "first set").astype(np.float32)
    second = unit_rows(y, "second set").astype(np.float32)
    generator = np.random.default_rng(how.seed)
    pairs = min(len(first), len(second))
    rows = np.sort(generator.choice(len(first), size=pairs, replace=False))
    columns = generator.permutation(len(second))[:pairs]
    search = _Search(first[rows], second, power, columns)
    history: list[float] = []
    slow = 0
    while len(history) < how.sweeps and slow < _PATIENCE:
        search.sweep(generator, how.block)
        history.append(search.cost())
        gained = len(history) > 1 and history[-1] < history[-2] * (1.0 - how.gain)
        slow = 0 if gained or len(history) == 1 else slow + 1
        if how.block >= pairs:
            break
    return Match(history[-1], rows.astype(np.int64), search.columns, tuple(history))


class _Search:
    """The match so far."""

    def __init__(
        self,
        first: NDArray[np.float32],
        second: NDArray[np.float32],
        power: float,
        columns: NDArray[np.int64],
    ) -> None:
        self._first, self._second, self._power = first, second, power
        self.columns = columns

    def sweep(self, generator: np.random.Generator, block: int) -> None:
        """Match every block anew."""
        pairs = len(self._first)
        anchor = self._first[generator.integers(pairs)]
        if generator.random() < 0.5:
            anchor = self._second[self.columns[generator.integers(pairs)]]
        towards = self._first @ anchor + (self._second @ anchor)[self.columns]
        # Turned by a random amount, so that the borders between blocks lie elsewhere each time.
        order = np.roll(np.argsort(towards, kind="stable"), generator.integers(pairs))
        for start in range(0, pairs, block):
            chosen = order[start : start + block]
            theirs = self.columns[chosen]
            costs = unit_costs(self._first[chosen], self._second[theirs], self._power)
            ours, new = assignment(costs)
            self.columns[chosen[ours]] = theirs[new]

    def cost(self) -> float:
        """Mean over pairs."""
        total = 0.0
        for start in range(0, len(self._first), 4096):
            part = slice(start, start + 4096)
            first = self._first[part].astype(np.float64)
            cosines = np.einsum("pc,pc->p", first, self._second[self.columns[part]])
            total += float((np.clip(1.0 - cosines, 0.0, 2.0) ** self._power).sum())
        return total / len(self._first)
