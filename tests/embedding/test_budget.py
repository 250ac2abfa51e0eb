"""Batches under a budget of residues."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from multiprot.embedding.budget import token_budget_batches

LENGTHS = st.lists(st.integers(1, 500), max_size=80)


@given(LENGTHS, st.integers(1, 2000))
def test_every_position_once_and_no_batch_beyond_the_budget(
    lengths: list[int], tokens: int
) -> None:
    batches = token_budget_batches(lengths, tokens)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = len(batch) * max(lengths[i] for i in batch)
        assert padded <= tokens or len(batch) == 1


@given(LENGTHS)
def test_lengths_descend(lengths: list[int]) -> None:
    order = [lengths[i] for batch in token_budget_batches(lengths, 256) for i in batch]
    assert order == sorted(lengths, reverse=True)


@given(LENGTHS)
def test_no_batch_could_have_taken_the_next_protein(lengths: list[int]) -> None:
    batches = token_budget_batches(lengths, 300)
    for batch in batches[:-1]:
        assert (len(batch) + 1) * lengths[batch[0]] > 300
