"""Which proteins make up which batch: a pure function of seed and step."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import OrderedDict
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.data.batch_config import BatchConfig
from multiprot.data.corpus import Corpus
from multiprot.errors import DataError

Batches = list[NDArray[np.int64]]

POOL_BATCHES: Final = 32
"""Batches' worth of proteins that are sorted by length together. More: less padding, but batches
of more uniform length."""

_KEPT_PLANS: Final = 2
_GOLDEN: Final = (math.sqrt(5) - 1) / 2


class PlannedBatches:
    """Batches of corpus rows for training, without end, each epoch shuffled anew.

    `batch(step)` depends on the constructor's arguments and `step` alone, so that training resumes
    by going on with the next step. In one epoch every row of the split occurs once. With
    `structure_share` or `cluster_balance` an epoch has as many draws as the split has rows, and
    each row occurs as often as they ask for, to within one. Over several ranks the batches of an
    epoch are dealt out in turn; those left over at its end, fewer than ranks, are dropped.

    Parameters
    ----------
    corpus
        Gives lengths and which proteins bear a structure.
    config
        Budget, crop and share.
    seed
        Decides all draws.
    split
        Whose rows are sampled.
    rank, world_size
        Which of how many processes this one is.

    Raises
    ------
    DataError
        If the split is empty, lacks a kind that `structure_share` asks for, holds a protein that
        does not fit the budget, or gives fewer batches an epoch than there are ranks.
    """

    def __init__(
        self,
        corpus: Corpus,
        config: BatchConfig,
        *,
        seed: int,
        split: str = "train",
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if not 0 <= rank < world_size:
            raise DataError(f"rank {rank} is outside 0..{world_size - 1}")
        self._rows = corpus.rows(split)
        if not len(self._rows):
            raise DataError(f"{corpus.path}: split {split!r} is empty; nothing to sample")
        self._config = config
        self._seed = seed
        self._rank = rank
        self._world_size = world_size
        self._lengths = cropped_lengths(corpus, config)
        refuse_too_long(corpus, self._rows, self._lengths, config.tokens_per_batch)
        bears = corpus.has_structure[self._rows]
        self._with, self._without = self._rows[bears], self._rows[~bears]
        self._weights = _sampling_weights(corpus, self._rows, config.cluster_balance)
        share = config.structure_share
        if (share and not len(self._with)) or (share not in (None, 1.0) and not len(self._without)):
            lacking = "without" if len(self._with) else "with"
            raise DataError(
                f"{corpus.path}: structure_share {share}, but split {split!r} has no protein "
                f"{lacking} structure; set structure_share to null"
            )
        self._starts = [0]
        self._plans: OrderedDict[int, Batches] = OrderedDict()
        if len(self._plan(0)) == 0:
            raise DataError(
                f"{corpus.path}: an epoch has fewer batches than the {world_size} processes; "
                "lower tokens_per_batch or use fewer processes"
            )

    @property
    def steps_per_epoch(self) -> int:
        """Steps of this rank in the first epoch; later epochs differ by a few."""
        return len(self._plan(0))

    def batch(self, step: int) -> NDArray[np.int64]:
        """Corpus rows of this rank's batch at `step` ≥ 0, longest protein first."""
        epoch = self.epoch(step)
        return self._plan(epoch)[step - self._starts[epoch]]

    def epoch(self, step: int) -> int:
        """Epoch that `step` belongs to."""
        while self._starts[-1] <= step:
            epoch = len(self._starts) - 1
            self._starts.append(self._starts[-1] + len(self._plan(epoch)))
        return bisect_right(self._starts, step) - 1

    def _plan(self, epoch: int) -> Batches:
        """Batches of one epoch that fall to this rank."""
        if epoch not in self._plans:
            rng = np.random.default_rng([self._seed, epoch])
            batches = self._cut(self._draw(rng))
            order = rng.permutation(len(batches))
            whole = len(batches) - len(batches) % self._world_size
            mine = order[self._rank : whole : self._world_size]
            self._plans[epoch] = [batches[number] for number in mine]
            if len(self._plans) > _KEPT_PLANS:
                self._plans.popitem(last=False)
        self._plans.move_to_end(epoch)
        return self._plans[epoch]

    def _draw(self, rng: np.random.Generator) -> NDArray[np.int64]:
        share = self._config.structure_share
        proteins = len(self._rows)
        if share is None:
            return rng.permutation(self._evenly(self._rows, proteins, rng))
        bearing = round(share * proteins)
        drawn = (
            self._evenly(self._with, bearing, rng),
            self._evenly(self._without, proteins - bearing, rng),
        )
        return rng.permutation(np.concatenate(drawn))

    def _evenly(
        self, rows: NDArray[np.int64], count: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """`count` draws; each row as often as its weight asks for, to within one.

        Systematic sampling: the rows, in random order, take up parts of a line as long as their
        weights, and are hit by `count` equally spaced points.
        """
        if not count:
            return rows[:0]
        ordered = rng.permutation(rows)
        weights = self._weights[ordered]
        ends = np.cumsum(weights * (count / weights.sum()))
        hit = np.searchsorted(ends, rng.random() + np.arange(count), side="right")
        # The last end may fall short of `count` by a rounding error.
        return ordered[np.minimum(hit, len(ordered) - 1)]

    def _cut(self, drawn: NDArray[np.int64]) -> Batches:
        mean = max(1.0, float(self._lengths[drawn].mean()))
        pool = max(1, int(POOL_BATCHES * self._config.tokens_per_batch / mean))
        batches: Batches = []
        for start in range(0, len(drawn), pool):
            batches.extend(
                cut_by_budget(
                    drawn[start : start + pool],
                    self._lengths,
                    self._config.tokens_per_batch,
                    self._config.proteins_per_batch,
                )
            )
        return batches


def sweep(corpus: Corpus, config: BatchConfig, rows: NDArray[np.int64]) -> Batches:
    """Batches that hold each of `rows` exactly once, sorted by length: for evaluation.

    Raises
    ------
    DataError
        If a protein does not fit the token budget.
    """
    lengths = cropped_lengths(corpus, config)
    refuse_too_long(corpus, rows, lengths, config.tokens_per_batch)
    return cut_by_budget(rows, lengths, config.tokens_per_batch, config.proteins_per_batch)


def evenly_spread(batches: Batches) -> Batches:
    """The same batches in an order of which every beginning spans the whole list.

    Batch i stands at the fractional part of i / golden ratio (a Weyl sequence).
    """
    places = np.arange(len(batches)) * _GOLDEN % 1.0
    return [batches[number] for number in np.argsort(places, kind="stable")]


def cut_by_budget(
    rows: NDArray[np.int64], lengths: NDArray[np.int64], tokens: int, proteins: int | None
) -> Batches:
    """Sort `rows` by length, longest first, and cut: longest × count ≤ `tokens` in each piece.

    `lengths` is int64 [corpus protein]; ties keep the order of `rows`. One that is longer than
    `tokens` is a piece by itself; who cannot bear it calls `refuse_too_long` first.
    """
    ordered = rows[np.argsort(-lengths[rows], kind="stable")]
    batches, start = [], 0
    while start < len(ordered):
        count = max(1, tokens // int(lengths[ordered[start]]))
        if proteins is not None:
            count = min(count, proteins)
        batches.append(ordered[start : start + count])
        start += count
    return batches


def cropped_lengths(corpus: Corpus, config: BatchConfig) -> NDArray[np.int64]:
    """int64 [protein]: residues after cropping."""
    if config.crop_residues is None:
        return corpus.lengths
    return np.minimum(corpus.lengths, config.crop_residues)


def refuse_too_long(
    corpus: Corpus, rows: NDArray[np.int64], lengths: NDArray[np.int64], tokens: int
) -> None:
    """Raise `DataError` for the first of `rows` that does not fit into `tokens` residues."""
    excess = rows[lengths[rows] > tokens]
    if len(excess):
        first = int(excess[0])
        raise DataError(
            f"record {corpus.ids[first]}: {lengths[first]} residues exceed tokens_per_batch "
            f"{tokens}; set crop_residues or raise tokens_per_batch"
        )


def _sampling_weights(
    corpus: Corpus, rows: NDArray[np.int64], balance: float
) -> NDArray[np.float64]:
    """float64 [corpus protein]: how often each of `rows` is drawn, beside the others of its kind.

    Clusters are counted among the proteins with structure and among those without, apart, since
    `structure_share` says how often each kind is drawn.
    """
    weights = np.ones(len(corpus))
    if not balance:
        return weights
    if corpus.clusters is None:
        raise DataError(
            f"{corpus.path}: cluster_balance {balance:g}, but the corpus knows no clusters; build "
            "it from a splits file with a cluster column or with --cluster-identity, or set "
            "cluster_balance to 0"
        )
    kinds = np.stack([corpus.clusters[rows], corpus.has_structure[rows]])
    _, cluster, sizes = np.unique(kinds, axis=1, return_inverse=True, return_counts=True)
    weights[rows] = sizes[cluster.ravel()] ** -balance
    return weights
