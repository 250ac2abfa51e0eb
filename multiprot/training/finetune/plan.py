"""Which entries of a task make up which batch: a pure function of seed and step."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from multiprot.data.sampler import cut_by_budget

_POOL_BATCHES: Final = 32
"""Batches' worth of entries that are sorted by length together."""

MakeBatch = Callable[[NDArray[np.int64]], Any]
"""From entries, int64 [entry], to what a learner takes."""


class EntryPlan:
    """Batches without end; every entry once an epoch, each epoch shuffled anew.

    Parameters
    ----------
    costs
        int64 [entry]: residues of each; one that costs more than `tokens` has a batch of its own.
    seed
        Decides all draws.
    tokens, entries
        What a batch may hold: longest times count, and count.
    """

    def __init__(self, costs: NDArray[np.int64], *, seed: int, tokens: int, entries: int) -> None:
        self._costs = costs
        self._seed = seed
        self._tokens, self._entries = tokens, entries
        self._starts = [0]
        self._latest: tuple[int, list[NDArray[np.int64]]] = (-1, [])

    @property
    def steps_per_epoch(self) -> int:
        """Batches of the first epoch; later ones differ by a few."""
        return len(self._epoch(0))

    def batch(self, step: int) -> NDArray[np.int64]:
        """int64 [entry]: positions in `costs` that make up the batch of `step` ≥ 0."""
        while self._starts[-1] <= step:
            self._starts.append(self._starts[-1] + len(self._epoch(len(self._starts) - 1)))
        epoch = bisect_right(self._starts, step) - 1
        return self._epoch(epoch)[step - self._starts[epoch]]

    def _epoch(self, epoch: int) -> list[NDArray[np.int64]]:
        if self._latest[0] != epoch:
            self._latest = (epoch, self._cut(np.random.default_rng([self._seed, epoch])))
        return self._latest[1]

    def _cut(self, rng: np.random.Generator) -> list[NDArray[np.int64]]:
        drawn = rng.permutation(len(self._costs))
        typical = max(1.0, float(self._costs.mean()))
        count = min(self._entries, max(1, int(self._tokens / typical)))
        pool = _POOL_BATCHES * count
        batches: list[NDArray[np.int64]] = []
        for start in range(0, len(drawn), pool):
            part = drawn[start : start + pool]
            batches += cut_by_budget(part, self._costs, self._tokens, self._entries)
        return [batches[number] for number in rng.permutation(len(batches))]


class PlannedEntries(Dataset[Any]):
    """Batches by the step that they are for.

    Parameters
    ----------
    plan
        Which entries.
    make
        Makes the batch.
    """

    def __init__(self, plan: EntryPlan, make: MakeBatch) -> None:
        self._plan = plan
        self._make = make

    def __getitem__(self, step: int) -> Any:
        return self._make(self._plan.batch(step))
