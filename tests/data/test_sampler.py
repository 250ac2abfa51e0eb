from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.data import BatchConfig, Corpus, PlannedBatches, sweep
from multiprot.data.sampler import cut_by_budget, evenly_spread
from multiprot.errors import DataError

MakeConfig = Callable[..., BatchConfig]


class FakeCorpus:
    """Just what a sampler looks at."""

    def __init__(self, lengths: list[int], bears: list[bool], train: list[bool]) -> None:
        self.path = "fake"
        self.ids = tuple(f"p{i}" for i in range(len(lengths)))
        self.lengths = np.array(lengths, dtype=np.int64)
        self.has_structure = np.array(bears)
        self.splits = np.where(train, "train", "valid")
        self.clusters: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, split: str) -> Any:
        return np.flatnonzero(self.splits == split)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, BatchConfig]:
    size = draw(st.integers(1, 60))
    lengths = draw(st.lists(st.integers(1, 300), min_size=size, max_size=size))
    bears = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    train = [True, *draw(st.lists(st.booleans(), min_size=size - 1, max_size=size - 1))]
    config = BatchConfig(
        tokens_per_batch=draw(st.integers(300, 2000)),
        crop_residues=draw(st.none() | st.integers(1, 300)),
        proteins_per_batch=draw(st.none() | st.integers(1, 9)),
    )
    return FakeCorpus(lengths, bears, train), config


def epoch(planned: PlannedBatches, number: int) -> list[np.ndarray]:
    """Batches of one epoch of a single process."""
    step, found = 0, []
    while planned.epoch(step) <= number:
        if planned.epoch(step) == number:
            found.append(planned.batch(step))
        step += 1
    return found


@given(case=cases(), seed=st.integers(0, 1000))
@settings(deadline=None)
def test_an_epoch_holds_every_row_once(case: tuple[Any, BatchConfig], seed: int) -> None:
    corpus, config = case
    planned = PlannedBatches(corpus, config, seed=seed)
    for number in range(3):
        rows = np.concatenate(epoch(planned, number))
        assert sorted(rows.tolist()) == corpus.rows("train").tolist()


@given(case=cases(), seed=st.integers(0, 1000))
@settings(deadline=None)
def test_no_batch_exceeds_its_budget(case: tuple[Any, BatchConfig], seed: int) -> None:
    corpus, config = case
    planned = PlannedBatches(corpus, config, seed=seed)
    crop = config.crop_residues or 300
    for step in range(20):
        rows = planned.batch(step)
        lengths = np.minimum(corpus.lengths[rows], crop)
        assert 0 < len(rows) * lengths.max() <= config.tokens_per_batch
        assert config.proteins_per_batch is None or len(rows) <= config.proteins_per_batch
        assert (np.diff(lengths) <= 0).all()


@given(case=cases(), seed=st.integers(0, 1000), start=st.integers(0, 200))
@settings(deadline=None)
def test_resuming_at_any_step_gives_the_same_batches(
    case: tuple[Any, BatchConfig], seed: int, start: int
) -> None:
    corpus, config = case
    straight = PlannedBatches(corpus, config, seed=seed)
    before = [straight.batch(step).tolist() for step in range(start + 5)]
    resumed = PlannedBatches(corpus, config, seed=seed)
    assert [resumed.batch(step).tolist() for step in range(start, start + 5)] == before[start:]


@given(case=cases(), order=st.permutations(range(12)))
@settings(deadline=None)
def test_steps_may_be_asked_for_in_any_order(
    case: tuple[Any, BatchConfig], order: list[int]
) -> None:
    corpus, config = case
    planned = PlannedBatches(corpus, config, seed=3)
    ahead = {step: planned.batch(step * 5).tolist() for step in order}
    fresh = PlannedBatches(corpus, config, seed=3)
    assert ahead == {step: fresh.batch(step * 5).tolist() for step in range(12)}


@given(case=cases(), seed=st.integers(0, 100), world=st.integers(1, 4))
@settings(deadline=None)
def test_ranks_share_an_epoch_without_overlap(
    case: tuple[Any, BatchConfig], seed: int, world: int
) -> None:
    corpus, config = case
    whole = epoch(PlannedBatches(corpus, config, seed=seed), 0)
    if len(whole) < world:
        with pytest.raises(DataError, match="fewer batches than"):
            PlannedBatches(corpus, config, seed=seed, rank=0, world_size=world)
        return
    ranks = [
        PlannedBatches(corpus, config, seed=seed, rank=rank, world_size=world)
        for rank in range(world)
    ]
    parts = [epoch(rank, 0) for rank in ranks]
    assert {len(part) for part in parts} == {len(whole) // world}
    rows = [row for part in parts for batch in part for row in batch.tolist()]
    assert len(rows) == len(set(rows))
    left_out = len(whole) % world
    assert sum(len(part) for part in parts) == len(whole) - left_out


def test_epochs_and_seeds_differ(corpus: Corpus, plain_batches: MakeConfig) -> None:
    planned = PlannedBatches(corpus, plain_batches(), seed=0)
    first, second = ([b.tolist() for b in epoch(planned, number)] for number in (0, 1))
    other = [b.tolist() for b in epoch(PlannedBatches(corpus, plain_batches(), seed=1), 0)]
    assert first != second
    assert first != other


@pytest.mark.parametrize("share", [0.0, 0.25, 0.9, 1.0])
def test_structures_are_sampled_at_the_share_asked_for(
    corpus: Corpus, plain_batches: MakeConfig, share: float
) -> None:
    planned = PlannedBatches(corpus, plain_batches(structure_share=share), seed=0)
    rows = np.concatenate(epoch(planned, 0))
    assert len(rows) == len(corpus.rows("train"))
    assert corpus.has_structure[rows].mean() == pytest.approx(share, abs=0.5 / len(rows))
    times = Counter(rows.tolist())
    for bears in (True, False):
        kind = [times[row] for row in corpus.rows("train") if corpus.has_structure[row] == bears]
        assert max(kind) - min(kind) <= 1


@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=8),
    balance=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 1000),
)
@settings(deadline=None)
def test_clusters_are_evened_out_as_far_as_asked_for(
    sizes: list[int], balance: float, seed: int
) -> None:
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    proteins = len(clusters)
    corpus: Any = FakeCorpus([10] * proteins, [True] * proteins, [True] * proteins)
    corpus.clusters = clusters
    config = BatchConfig(cluster_balance=balance)
    times = np.bincount(np.concatenate(epoch(PlannedBatches(corpus, config, seed=seed), 0)))
    times = np.pad(times, (0, proteins - len(times)))
    weights = np.array([float(sizes[cluster]) ** -balance for cluster in clusters])
    expected = weights / weights.sum() * proteins
    assert times.sum() == proteins
    assert (np.abs(times - expected) < 1 + 1e-6).all()


def test_clusters_are_counted_among_proteins_of_the_same_kind() -> None:
    """One cluster of 1 structure and 9 bare sequences: the structure is not held for one of ten."""
    bears = [True, True, *[False] * 10]
    corpus: Any = FakeCorpus([10] * 12, bears, [True] * 12)
    corpus.clusters = np.array([0, 1, *[0] * 9, 2])
    config = BatchConfig(cluster_balance=1.0, structure_share=0.5)
    rows = np.concatenate(epoch(PlannedBatches(corpus, config, seed=0), 0))
    assert Counter(rows.tolist())[0] == Counter(rows.tolist())[1] == 3
    assert Counter(rows.tolist())[11] == 3


def test_even_clusters_need_a_corpus_that_knows_them() -> None:
    corpus: Any = FakeCorpus([10, 20], [True, True], [True, True])
    with pytest.raises(DataError, match=r"cluster_balance 0\.5.*--cluster-identity"):
        PlannedBatches(corpus, BatchConfig(cluster_balance=0.5), seed=0)


def test_a_share_without_such_proteins_is_refused(
    lengths_corpus: Callable[..., Corpus], plain_batches: MakeConfig
) -> None:
    bare = lengths_corpus([10, 20])
    with pytest.raises(DataError, match=r"structure_share 0\.5, but .* no protein with structure"):
        PlannedBatches(bare, plain_batches(structure_share=0.5), seed=0)
    assert PlannedBatches(bare, plain_batches(structure_share=0.0), seed=0).steps_per_epoch == 1


def test_a_share_below_one_needs_proteins_without_structure(plain_batches: MakeConfig) -> None:
    corpus: Any = FakeCorpus([10, 20], [True, True], [True, True])
    with pytest.raises(DataError, match="no protein without structure"):
        PlannedBatches(corpus, plain_batches(structure_share=0.5), seed=0)
    PlannedBatches(corpus, plain_batches(structure_share=1.0), seed=0)


def test_a_protein_beyond_the_budget_is_named(
    lengths_corpus: Callable[..., Corpus], plain_batches: MakeConfig
) -> None:
    long = lengths_corpus([10, 1001, 20])
    with pytest.raises(DataError, match="record p1: 1001 residues exceed tokens_per_batch 1000"):
        PlannedBatches(long, plain_batches(), seed=0)
    with pytest.raises(DataError, match="record p1"):
        sweep(long, plain_batches(), np.arange(3))
    PlannedBatches(long, plain_batches(crop_residues=1000), seed=0)


def test_an_empty_split_is_refused(
    lengths_corpus: Callable[..., Corpus], plain_batches: MakeConfig
) -> None:
    with pytest.raises(DataError, match="split 'valid' is empty"):
        PlannedBatches(lengths_corpus([5]), plain_batches(), seed=0, split="valid")


@pytest.mark.parametrize(("rank", "world"), [(-1, 1), (1, 1), (2, 2)])
def test_a_rank_outside_is_refused(
    corpus: Corpus, plain_batches: MakeConfig, rank: int, world: int
) -> None:
    with pytest.raises(DataError, match=f"rank {rank} is outside"):
        PlannedBatches(corpus, plain_batches(), seed=0, rank=rank, world_size=world)


def test_buckets_leave_little_padding() -> None:
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(5.5, 0.6, 20_000), 30, 1500).astype(int).tolist()
    corpus: Any = FakeCorpus(lengths, [False] * 20_000, [True] * 20_000)
    config = BatchConfig(tokens_per_batch=8192, crop_residues=1024)
    planned = PlannedBatches(corpus, config, seed=0)
    filled = padded = 0
    for batch in epoch(planned, 0):
        cropped = np.minimum(corpus.lengths[batch], 1024)
        filled += int(cropped.sum())
        padded += int(cropped.max()) * len(batch)
    assert filled / padded > 0.95


def test_long_and_short_proteins_come_mixed_over_time() -> None:
    lengths = [50] * 2000 + [500] * 2000
    corpus: Any = FakeCorpus(lengths, [False] * 4000, [True] * 4000)
    planned = PlannedBatches(corpus, BatchConfig(tokens_per_batch=4000, crop_residues=None), seed=0)
    batches = epoch(planned, 0)
    long = [corpus.lengths[batch[0]] == 500 for batch in batches]
    quarter = len(long) // 4
    shares = [np.mean(long[i * quarter : (i + 1) * quarter]) for i in range(4)]
    assert max(shares) - min(shares) < 0.15


@given(case=cases())
@settings(deadline=None)
def test_a_sweep_holds_every_row_once_and_needs_no_seed(case: tuple[Any, BatchConfig]) -> None:
    corpus, config = case
    rows = corpus.rows("train")
    batches = sweep(corpus, config, rows)
    assert sorted(np.concatenate(batches).tolist()) == rows.tolist()
    again = sweep(corpus, config, rows)
    assert [b.tolist() for b in batches] == [b.tolist() for b in again]


def test_cutting_is_greedy_from_the_longest() -> None:
    lengths = np.array([3, 10, 5, 5, 2])
    batches = cut_by_budget(np.arange(5), lengths, 10, None)
    assert [batch.tolist() for batch in batches] == [[1], [2, 3], [0, 4]]
    assert len(cut_by_budget(np.arange(5), lengths, 10, 1)) == 5
    assert cut_by_budget(np.arange(0), lengths, 10, None) == []
    assert [batch.tolist() for batch in cut_by_budget(np.arange(5), lengths, 6, None)] == [
        [1],
        [2],
        [3],
        [0, 4],
    ]


@given(st.integers(0, 400))
def test_every_beginning_of_a_spread_list_is_like_the_whole(count: int) -> None:
    batches = [np.array([number]) for number in range(count)]
    places = [int(batch[0]) for batch in evenly_spread(batches)]
    assert sorted(places) == list(range(count))
    for taken in range(8, count, 7):
        seen = np.sort(places[:taken])
        gaps = np.diff(np.concatenate([[-1], seen, [count]]))
        # No part of the list is passed over: three distances, the largest below three means.
        assert gaps.max() <= 3 * count / taken + 1
