"""Which entries make up which batch."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from multiprot.training.finetune.plan import EntryPlan, PlannedEntries

Costs = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def plan(costs: list[int], tokens: int = 50, entries: int = 4, seed: int = 0) -> EntryPlan:
    return EntryPlan(np.array(costs), seed=seed, tokens=tokens, entries=entries)


@given(costs=Costs, tokens=st.integers(1, 100), entries=st.integers(1, 8), epochs=st.integers(1, 3))
def test_every_entry_comes_once_an_epoch_within_the_budget(
    costs: list[int], tokens: int, entries: int, epochs: int
) -> None:
    made = plan(costs, tokens, entries)
    step = 0
    for _ in range(epochs):
        seen: list[int] = []
        while len(seen) < len(costs):
            batch = made.batch(step).tolist()
            assert 1 <= len(batch) <= entries
            assert len(batch) == 1 or max(costs[e] for e in batch) * len(batch) <= tokens
            seen += batch
            step += 1
        assert sorted(seen) == list(range(len(costs)))


@given(costs=Costs, seed=st.integers(0, 5))
def test_a_batch_follows_from_seed_and_step_alone(costs: list[int], seed: int) -> None:
    forward, backward = plan(costs, seed=seed), plan(costs, seed=seed)
    steps = 3 * forward.steps_per_epoch
    one = [forward.batch(step).tolist() for step in range(steps)]
    other = [backward.batch(step).tolist() for step in reversed(range(steps))]
    assert one == other[::-1]


def test_epochs_and_seeds_differ() -> None:
    made = plan([5] * 40)
    per_epoch = made.steps_per_epoch
    epochs = [[made.batch(e * per_epoch + s).tolist() for s in range(per_epoch)] for e in (0, 1)]
    assert epochs[0] != epochs[1]
    assert made.batch(0).tolist() != plan([5] * 40, seed=1).batch(0).tolist()


def test_batches_are_made_of_the_planned_entries() -> None:
    made = plan([1, 2, 3])
    dataset = PlannedEntries(made, lambda entries: entries.tolist())
    assert dataset[5] == made.batch(5).tolist()
