"""Masked GO terms: which are hidden, what is shown, and the loss against a few plain lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from multiprot.encoders.contract import (
    HIDDEN_TERM,
    NO_TERM,
    FusionOutputs,
    GoSet,
    ObjectiveContext,
    ProteinBatch,
)
from multiprot.errors import ConfigError
from multiprot.fusion.config import GoExchangeConfig
from multiprot.objectives.configs import MaskedGoConfig
from multiprot.objectives.masked_go import MaskedGo
from tests.fusion.fakes import SMALL, TERMS, make_batch, make_context, make_model

GO_WIDTH = 8
CONFIG = SMALL.model_copy(
    update={"go_exchange": GoExchangeConfig(width=GO_WIDTH, heads=2, set_layers=1, layers=2)}
)
COUNTS = torch.tensor([5, 0, 12, 3, 9, 4, 30, 2, 8, 7, 6])
MIN_PROTEINS = 4
RARE = {term for term in range(TERMS) if COUNTS[term] < MIN_PROTEINS}
VOCABULARY = [term for term in range(TERMS) if term not in RARE]


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def context(counts: Tensor = COUNTS, go_width: int | None = GO_WIDTH) -> ObjectiveContext:
    return replace(make_context(CONFIG), go_width=go_width, go_set_counts=counts)


def objective(**options: float) -> MaskedGo:
    torch.manual_seed(0)
    return MaskedGo(
        MaskedGoConfig.model_validate({"min_proteins": MIN_PROTEINS, **options}), context()
    )


def make_set(known: Sequence[Sequence[int]]) -> GoSet:
    slots = max(1, *(len(terms) for terms in known))
    terms = torch.tensor([[*row, *[NO_TERM] * (slots - len(row))] for row in known])
    return GoSet(terms, terms, torch.zeros_like(terms, dtype=torch.bool))


def make_go_batch(
    known: Sequence[Sequence[int]] = ((0, 2, 7), (1, 3), (), (4, 6, 8, 9)),
) -> ProteinBatch:
    """The second protein has rare terms alone, the third has none."""
    lengths = (9, 5, 12, 7)
    return replace(make_batch(lengths[: len(known)]), go_set=make_set(known))


def set_of(batch: ProteinBatch) -> GoSet:
    assert batch.go_set is not None
    return batch.go_set


@settings(max_examples=50)
@given(
    st.lists(st.lists(st.integers(0, TERMS - 1), unique=True, max_size=6), min_size=1, max_size=4),
    st.floats(0.001, 1),
    st.integers(0, 1000),
)
def test_frequent_terms_are_hidden_and_at_least_one_of_each_protein_that_has_one(
    known: list[list[int]], rate: float, seed: int
) -> None:
    batch = make_go_batch(known)
    corrupted = set_of(objective(rate=rate).corrupt(batch, rng(seed)))
    for row, terms in enumerate(known):
        hidden = {terms[slot] for slot in range(len(terms)) if corrupted.hidden[row, slot]}
        assert not hidden & RARE
        assert bool(hidden) == bool(set(terms) - RARE)
        assert not corrupted.hidden[row, len(terms) :].any()
        for slot, term in enumerate(terms):
            if term not in hidden:
                assert corrupted.shown[row, slot] == term
    assert torch.equal(corrupted.shown < NO_TERM, corrupted.shown == HIDDEN_TERM)
    assert (corrupted.shown[corrupted.terms == NO_TERM] == NO_TERM).all()


def test_fifteen_in_a_hundred_and_of_these_eighty_ten_ten() -> None:
    """A term is replaced by itself as often as by any other of the vocabulary."""
    terms = torch.full((400, 100), VOCABULARY[3])
    batch = replace(
        make_batch((1,)), go_set=GoSet(terms, terms, torch.zeros_like(terms, dtype=torch.bool))
    )
    corrupted = set_of(objective().corrupt(batch, rng()))
    share = corrupted.hidden.float().mean().item()
    assert abs(share - 0.15) < 4 * math.sqrt(0.15 * 0.85 / terms.numel())
    shown = corrupted.shown[corrupted.hidden]
    assert (shown == HIDDEN_TERM).float().mean() == pytest.approx(0.8, abs=0.02)
    kept = 0.1 + 0.1 / len(VOCABULARY)
    assert (shown == VOCABULARY[3]).float().mean() == pytest.approx(kept, abs=0.02)
    others = shown[(shown != HIDDEN_TERM) & (shown != VOCABULARY[3])]
    counts = torch.bincount(others, minlength=TERMS)
    assert [term for term in range(TERMS) if counts[term]] == [
        term for term in VOCABULARY if term != VOCABULARY[3]
    ]
    drawn = counts[counts > 0].float()
    assert drawn.min() > 0.6 * drawn.mean()


@pytest.mark.parametrize(("substitute", "keep"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
def test_shares_at_their_ends(substitute: float, keep: float) -> None:
    chosen = objective(rate=1.0, substitute_share=substitute, keep_share=keep)
    corrupted = set_of(chosen.corrupt(make_go_batch([VOCABULARY] * 4), rng()))
    assert corrupted.hidden.all()
    if keep:
        assert torch.equal(corrupted.shown, corrupted.terms)
    elif substitute:
        assert set(corrupted.shown.flatten().tolist()) <= set(VOCABULARY)
        assert (corrupted.shown != corrupted.terms).float().mean() > 0.6
    else:
        assert (corrupted.shown == HIDDEN_TERM).all()


def test_corruption_gives_tensors_and_leaves_the_terms_as_they_were() -> None:
    """The released MASSA masks in Python lists, protein by protein."""
    batch = make_go_batch()
    before = set_of(batch).terms.clone()
    corrupted = set_of(objective(rate=1.0).corrupt(batch, rng()))
    for name, dtype in (("terms", torch.int64), ("shown", torch.int64), ("hidden", torch.bool)):
        part = getattr(corrupted, name)
        assert isinstance(part, Tensor)
        assert part.dtype == dtype
        assert part.shape == before.shape
    assert torch.equal(corrupted.terms, before)
    assert torch.equal(set_of(batch).terms, before)
    assert torch.equal(set_of(batch).shown, before)
    assert not set_of(batch).hidden.any()
    assert (corrupted.shown != before).any()


def test_the_generator_alone_decides() -> None:
    chosen, batch = objective(rate=0.4), make_go_batch([VOCABULARY] * 4)
    first = set_of(chosen.corrupt(batch, rng(5)))
    torch.manual_seed(123)
    second, other = (set_of(chosen.corrupt(batch, rng(seed))) for seed in (5, 6))
    assert torch.equal(first.shown, second.shown)
    assert torch.equal(first.hidden, second.hidden)
    assert not torch.equal(first.hidden, other.hidden)


def run(chosen: MaskedGo, batch: ProteinBatch) -> FusionOutputs:
    with torch.no_grad():
        outputs: FusionOutputs = make_model(CONFIG)(batch)
    return outputs


def test_loss_is_the_mean_over_hidden_terms_one_by_one() -> None:
    chosen = objective(rate=0.6)
    with torch.no_grad():
        chosen.head.weight.mul_(30)
    batch = chosen.corrupt(make_go_batch(), rng(3))
    outputs, go_set = run(chosen, batch), set_of(batch)
    assert outputs.go_tokens is not None
    losses, right, among_ten, common = [], [], [], []
    for protein, slot in go_set.hidden.nonzero().tolist():
        scores = chosen.head(outputs.go_tokens.values[protein, slot]).tolist()
        answer = VOCABULARY.index(int(go_set.terms[protein, slot]))
        losses.append(math.log(sum(map(math.exp, scores))) - scores[answer])
        better = sum(score > scores[answer] for score in scores)
        right.append(better == 0)
        among_ten.append(better < 10)
        common.append(VOCABULARY[answer] == 6)
    assert len(losses) > 3
    result = chosen(outputs, batch)
    assert result.loss.item() == pytest.approx(sum(losses) / len(losses), rel=1e-4)
    assert result.weight == len(losses)
    for name, each in (
        ("accuracy", right),
        ("recall_at_10", among_ten),
        ("baseline_accuracy", common),
    ):
        assert result.metrics[name].item() == pytest.approx(sum(each) / len(each)), name


def test_recall_at_ten_looks_at_ten() -> None:
    counts = torch.full((TERMS,), 9)
    chosen = MaskedGo(MaskedGoConfig(rate=1.0, min_proteins=1), context(counts))
    batch = chosen.corrupt(make_go_batch([range(TERMS)] * 4), rng())
    result = chosen(run(chosen, batch), batch)
    # Every term is hidden once in each protein: a guess of ten of eleven is right ten times.
    assert set_of(batch).hidden.all()
    assert result.metrics["recall_at_10"].item() == pytest.approx(10 / TERMS, abs=0.07)
    assert result.metrics["recall_at_10"] < 1


def test_rare_terms_are_no_targets_even_where_they_are_called_hidden() -> None:
    chosen = objective(rate=1.0)
    batch = chosen.corrupt(make_go_batch(), rng())
    go_set = set_of(batch)
    all_hidden = replace(batch, go_set=replace(go_set, hidden=torch.ones_like(go_set.hidden)))
    outputs = run(chosen, batch)
    result, more = chosen(outputs, batch), chosen(outputs, all_hidden)
    assert result.weight == sum(term in VOCABULARY for term in go_set.terms.flatten().tolist())
    assert more.weight == result.weight
    assert torch.equal(more.loss, result.loss)


def test_no_bit_of_the_logits_depends_on_a_hidden_term() -> None:
    chosen = objective(rate=1.0, substitute_share=0.0, keep_share=0.0)
    first = chosen.corrupt(make_go_batch([(0, 2), (4,), (), (5, 6, 8)]), rng())
    second = chosen.corrupt(make_go_batch([(8, 9), (6,), (), (4, 2, 0)]), rng())
    tokens = [run(chosen, batch).go_tokens for batch in (first, second)]
    assert tokens[0] is not None
    assert tokens[1] is not None
    assert torch.equal(tokens[0].values, tokens[1].values)
    one, other = (chosen(run(chosen, batch), batch) for batch in (first, second))
    assert one.loss != other.loss


@pytest.mark.parametrize("known", [((), (), ()), ((1, 3), (7,), (3,))])
def test_without_a_term_to_hide_the_loss_is_nought_and_attached(
    known: Sequence[Sequence[int]],
) -> None:
    chosen, model = objective(), make_model(CONFIG)
    for batch in (make_go_batch(known), replace(make_go_batch(known), go_set=None)):
        corrupted = chosen.corrupt(batch, rng())
        result = chosen(model(corrupted), corrupted)
        assert result.loss == 0
        assert result.weight == 0
        assert result.loss.requires_grad
        assert set(result.metrics) == {"accuracy", "recall_at_10", "baseline_accuracy"}


def test_untrained_guesses_are_near_the_frequencies_of_the_corpus() -> None:
    chosen = objective()
    guesses = chosen.head(torch.randn(500, GO_WIDTH, generator=rng())).softmax(dim=1).mean(dim=0)
    shares = COUNTS[VOCABULARY].float()
    torch.testing.assert_close(guesses, shares / shares.sum(), rtol=0.2, atol=0.01)


def test_the_corpus_decides_how_many_terms_are_told_apart() -> None:
    assert objective().head.out_features == len(VOCABULARY)
    everything = MaskedGo(MaskedGoConfig(min_proteins=1), context())
    assert everything.head.out_features == int((COUNTS > 0).sum())
    doubled = MaskedGo(MaskedGoConfig(min_proteins=1), context(COUNTS.repeat(2)))
    assert doubled.head.out_features == 2 * everything.head.out_features


@pytest.mark.parametrize(
    "without",
    [{"go_width": None}, {"go_set_counts": None}, {"go_width": None, "go_set_counts": None}],
)
def test_a_model_that_reads_no_terms_is_refused(without: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"masked-go .*set fusion\.go_exchange"):
        MaskedGo(MaskedGoConfig(), replace(context(), **without))


def test_a_corpus_without_a_frequent_term_is_refused() -> None:
    assert MaskedGo(MaskedGoConfig(min_proteins=30), context()).head.out_features == 1
    with pytest.raises(ConfigError, match=r"sets of 31 train proteins; lower .* min_proteins"):
        MaskedGo(MaskedGoConfig(min_proteins=31), context())


def test_shares_above_one_are_refused() -> None:
    with pytest.raises(ValidationError, match="more than 1"):
        MaskedGoConfig(substitute_share=0.7, keep_share=0.7)
