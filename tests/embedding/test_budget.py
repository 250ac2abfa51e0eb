"""Batches under a budget of residues that counts attention's square."""

from __future__ import annotations

from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.embedding import EmbedOptions
from multiprot.embedding.budget import CPU_TOKENS, GPU_TOKENS, TokenBudget

LENGTHS = st.lists(st.integers(1, 500), max_size=80)
QUADRATIC = st.sampled_from([1, 50, 400, 4096, 10**9])


def cost_of(lengths: list[int], quadratic: int, *, packed: bool) -> float:
    """Residues and attention of one batch, counted anew."""
    each = lengths if packed else [max(lengths)] * len(lengths)
    return sum(length + length * length / quadratic for length in each)


@given(LENGTHS, st.integers(1, 2000), QUADRATIC, st.booleans())
def test_every_position_once_and_no_batch_beyond_the_budget(
    lengths: list[int], tokens: int, quadratic: int, packed: bool
) -> None:
    batches = TokenBudget(tokens, quadratic, packed).batches(lengths)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        cost = cost_of([lengths[i] for i in batch], quadratic, packed=packed)
        assert cost <= tokens * (1 + 1e-12) or len(batch) == 1


@given(LENGTHS, st.booleans())
def test_lengths_descend_and_equal_ones_keep_their_order(lengths: list[int], packed: bool) -> None:
    order = [i for batch in TokenBudget(256, 4096, packed).batches(lengths) for i in batch]
    assert [lengths[i] for i in order] == sorted(lengths, reverse=True)
    for _, same in groupby(order, key=lambda i: lengths[i]):
        positions = list(same)
        assert positions == sorted(positions)


@given(LENGTHS, QUADRATIC, st.booleans())
def test_no_batch_could_have_taken_the_next_protein(
    lengths: list[int], quadratic: int, packed: bool
) -> None:
    batches = TokenBudget(300, quadratic, packed).batches(lengths)
    for batch, following in pairwise(batches):
        joined = [lengths[i] for i in [*batch, following[0]]]
        assert cost_of(joined, quadratic, packed=packed) > 300 * (1 - 1e-12)


@given(st.lists(st.integers(1, 500), min_size=2, max_size=40), QUADRATIC, st.booleans())
def test_a_batch_that_did_not_fit_is_not_made_again(
    lengths: list[int], quadratic: int, packed: bool
) -> None:
    budget = TokenBudget(10**9, quadratic, packed)
    (whole,) = budget.batches(lengths)
    failed = [lengths[i] for i in whole]
    budget.learn(failed)
    allowed = cost_of(failed, quadratic, packed=packed) / 2
    assert budget.tokens == pytest.approx(allowed)
    for batch in budget.batches(lengths):
        cost = cost_of([lengths[i] for i in batch], quadratic, packed=packed)
        assert len(batch) == 1 or cost <= allowed * (1 + 1e-12)


def test_what_is_learnt_only_shrinks_and_one_protein_teaches_nothing() -> None:
    budget = TokenBudget(1000, 10**9, packed=True)
    budget.learn([50_000])
    assert budget.tokens == 1000
    budget.learn([400, 400])
    assert budget.tokens == pytest.approx(400, rel=1e-3)
    budget.learn([900, 900])
    assert budget.tokens == pytest.approx(400, rel=1e-3)


@pytest.mark.parametrize(("device", "tokens"), [("cpu", CPU_TOKENS), ("cuda", GPU_TOKENS)])
def test_the_budget_is_the_devices_unless_the_options_say_so(device: str, tokens: int) -> None:
    assert TokenBudget.of(EmbedOptions(), device, packed=False).tokens == tokens
    options = EmbedOptions(tokens_per_batch=77, quadratic_residues=5)
    assert TokenBudget.of(options, device, packed=True) == TokenBudget(77, 5, packed=True)
