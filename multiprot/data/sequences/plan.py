"""Batches of exactly as many residues as asked for, without padding: a pure function of the step.

All proteins of an epoch, shuffled and long ones cropped, make one row of residues, which is cut
into batches of equal size. A protein that stands across a cut gives its two pieces to two batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import DataError


class Piece(NamedTuple):
    """Residues `start` to `stop` (half-open) of a protein."""

    protein: int
    start: int
    stop: int


class PackedPlan:
    """Which pieces make up which batch.

    In one epoch every protein occurs once, but for what its crop leaves out and for the end of the
    row, which makes no whole batch for every process. Crops are drawn anew in each epoch.

    Parameters
    ----------
    lengths
        int64 [protein], residues.
    tokens
        Residues of every batch.
    crop
        A longer protein is cropped to this many residues; None: never.
    seed
        Decides all draws.
    rank, world_size
        Which of how many processes this one is; batches are dealt out in turn.

    Raises
    ------
    DataError
        If all proteins together do not fill a batch of each process.
    """

    def __init__(
        self,
        lengths: NDArray[np.int64],
        *,
        tokens: int,
        crop: int | None,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self._lengths = lengths
        self._cropped = lengths if crop is None else np.minimum(lengths, crop)
        self._tokens, self._seed = tokens, seed
        self._rank, self._world_size = rank, world_size
        total = int(self._cropped.sum())
        self.steps_per_epoch = total // (tokens * world_size)
        if not self.steps_per_epoch:
            raise DataError(
                f"{len(lengths)} proteins of {total} residues do not fill {world_size} "
                f"batches of {tokens}; lower tokens_per_batch"
            )
        self._latest: tuple[int, _Row] | None = None

    def pieces(self, step: int) -> list[Piece]:
        """Pieces of this process's batch at `step` ≥ 0, in order; their lengths add up exactly."""
        epoch, place = divmod(step, self.steps_per_epoch)
        number = place * self._world_size + self._rank
        return list(self._row(epoch).cut(number * self._tokens, self._tokens))

    def _row(self, epoch: int) -> _Row:
        if self._latest is None or self._latest[0] != epoch:
            rng = np.random.default_rng([self._seed, epoch])
            order = rng.permutation(len(self._lengths))
            spare = self._lengths - self._cropped
            starts = (rng.random(len(spare)) * (spare + 1)).astype(np.int64)
            ends = np.cumsum(self._cropped[order])
            self._latest = (epoch, _Row(order, starts[order], ends))
        return self._latest[1]


class _Row(NamedTuple):
    """Proteins of an epoch in order, where each one's crop begins, and where it ends in the row."""

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def cut(self, begin: int, tokens: int) -> Iterator[Piece]:
        stop = begin + tokens
        number = int(np.searchsorted(self.ends, begin, side="right"))
        while begin < stop:
            end = int(self.ends[number])
            first = 0 if number == 0 else int(self.ends[number - 1])
            crop = int(self.starts[number])
            last = min(end, stop)
            yield Piece(int(self.order[number]), crop + begin - first, crop + last - first)
            begin, number = last, number + 1
