"""GO terms as a set that the model reads: no order, no padding, nothing of what is withheld."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from multiprot.encoders.contract import (
    HIDDEN_TERM,
    NO_TERM,
    FusionOutputs,
    GoSet,
    ProteinBatch,
    ResidueTokens,
)
from multiprot.fusion.config import GoExchangeConfig
from multiprot.fusion.go_exchange import GoExchange
from multiprot.fusion.model import FusionModel
from multiprot.fusion.term_vectors import TermVectors
from tests.fusion.fakes import SMALL, TERMS, FakeGoEncoder, make_batch, make_model

EXCHANGE = GoExchangeConfig(width=12, heads=3, set_layers=2, layers=3, ffn_multiple=2.0)
CONFIG = SMALL.model_copy(update={"go_exchange": EXCHANGE})
KNOWN: tuple[tuple[int, ...], ...] = ((1, 4, 7), (2,), (), (0, 3, 5, 9))
"""Terms of the four proteins of a batch; the third has none."""


def make_set(known: Sequence[Sequence[int]] = KNOWN, *, padding: int = 0) -> GoSet:
    slots = max(1, *(len(terms) for terms in known)) + padding
    rows = [[*terms, *[NO_TERM] * (slots - len(terms))] for terms in known]
    terms = torch.tensor(rows)
    return GoSet(terms, terms, torch.zeros_like(terms, dtype=torch.bool))


def reader(*, norm_first: bool) -> FusionModel:
    """A model that reads GO, with noise on every parameter of the exchange."""
    model = make_model(CONFIG.model_copy(update={"norm_first": norm_first}))
    assert model.exchange is not None
    with torch.no_grad():
        for parameter in model.exchange.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.fixture(scope="module", params=[True, False], ids=["norms first", "norms last"])
def model(request: pytest.FixtureRequest) -> FusionModel:
    """Tests must leave it as it is."""
    return reader(norm_first=request.param)


BATCH = make_batch(has_structure=(True, False, True, True))


def run(model: FusionModel, go_set: GoSet | None, batch: ProteinBatch = BATCH) -> FusionOutputs:
    """Outputs without gradients, with these terms to read."""
    with torch.no_grad():
        outputs: FusionOutputs = model(replace(batch, go_set=go_set))
    return outputs


def tensors(outputs: FusionOutputs) -> dict[str, Tensor]:
    """All that could tell of terms, and nothing of what is to be predicted."""
    assert outputs.go_tokens is not None
    return {
        "fused": outputs.fused_tokens.values,
        "protein": outputs.protein,
        "projected": outputs.projected,
        "terms": outputs.go_tokens.values,
    }


def assert_near(first: Tensor, second: Tensor) -> None:
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-5)


def assert_same_bits(first: FusionOutputs, second: FusionOutputs, *names: str) -> None:
    one, other = tensors(first), tensors(second)
    for name in names or one:
        assert one[name].isfinite().all(), name
        assert torch.equal(one[name], other[name]), name


@settings(max_examples=20)
@given(st.permutations(range(4)))
def test_order_of_the_terms_does_not_matter(model: FusionModel, order: list[int]) -> None:
    straight, go_set = run(model, make_set()), make_set()
    turned = run(
        model, GoSet(*(part[:, order] for part in (go_set.terms, go_set.shown, go_set.hidden)))
    )
    assert_near(turned.protein, straight.protein)
    assert_near(turned.fused_tokens.values, straight.fused_tokens.values)
    assert straight.go_tokens is not None
    assert turned.go_tokens is not None
    expected, mask = straight.go_tokens.values[:, order], straight.go_tokens.mask[:, order]
    assert torch.equal(turned.go_tokens.mask, mask)
    assert_near(turned.go_tokens.values[mask], expected[mask])


@pytest.mark.parametrize("padding", [1, 7])
def test_slots_without_a_term_do_not_matter(model: FusionModel, padding: int) -> None:
    short, long = run(model, make_set()), run(model, make_set(padding=padding))
    torch.testing.assert_close(long.protein, short.protein, rtol=1e-5, atol=1e-6)
    assert long.go_tokens is not None
    assert short.go_tokens is not None
    assert long.go_tokens.values.shape == (4, 4 + padding, EXCHANGE.width)
    torch.testing.assert_close(
        long.go_tokens.values[:, :4][short.go_tokens.mask],
        short.go_tokens.values[short.go_tokens.mask],
        rtol=1e-5,
        atol=1e-6,
    )
    assert not long.go_tokens.mask[:, 4:].any()


def test_tokens_of_terms_stand_where_the_terms_do(model: FusionModel) -> None:
    go_set = make_set()
    outputs = run(model, go_set)
    assert outputs.go_tokens is not None
    assert torch.equal(outputs.go_tokens.mask, go_set.terms >= 0)
    without = run(model, None)
    assert without.go_tokens is not None
    assert not without.go_tokens.mask.any()


def test_a_protein_without_terms_is_the_same_whether_others_have_some(model: FusionModel) -> None:
    beside = run(model, make_set())
    for go_set in (None, make_set(((), (), (), ()))):
        alone = run(model, go_set)
        assert alone.fused_tokens.values.isfinite().all()
        torch.testing.assert_close(
            alone.fused_tokens.values[2], beside.fused_tokens.values[2], rtol=1e-5, atol=1e-6
        )
        torch.testing.assert_close(alone.protein[2], beside.protein[2], rtol=1e-5, atol=1e-6)
        others = [0, 1, 3]
        assert not torch.allclose(alone.protein[others], beside.protein[others], atol=1e-4)


def test_one_token_stands_for_no_term_and_no_other_protein_sees_it(model: FusionModel) -> None:
    before = run(model, make_set())
    assert model.exchange is not None
    special = model.exchange.terms.special.weight.data
    kept = special.clone()
    try:
        special[0] += 0.5
        after = run(model, make_set())
    finally:
        special.copy_(kept)
    changed = (after.protein != before.protein).any(dim=1)
    assert changed.tolist() == [False, False, True, False]
    assert torch.equal(run(model, make_set()).protein, before.protein)


def test_what_is_shown_does_matter_and_to_its_protein_alone(model: FusionModel) -> None:
    before, after = run(model, make_set()), run(model, make_set(((1, 4, 8), *KNOWN[1:])))
    changed = (before.fused_tokens.values != after.fused_tokens.values).any(dim=-1)
    assert changed[0, :9].all()
    assert not changed[1:].any()


@settings(max_examples=20)
@given(st.lists(st.integers(NO_TERM, TERMS - 1), min_size=16, max_size=16), st.integers(0, 1000))
def test_what_is_withheld_changes_no_bit(model: FusionModel, rubbish: list[int], seed: int) -> None:
    """The released MASSA withholds terms by a mask that is all False, and its softmax over no key
    is uniform: what is withheld is read all the same."""
    withheld = make_set(((), (), (), ()), padding=3)
    clean = run(model, withheld)
    # Rubbish where a mask hides it, other terms to predict, and another encoder of terms.
    spoiled = replace(withheld, shown=torch.tensor(rubbish).view(4, 4))
    other = make_batch(has_structure=(True, False, True, True))
    assert other.go is not None
    other = replace(other, go=replace(other.go, positive=~other.go.positive))
    go, model.go = model.go, FakeGoEncoder()
    torch.nn.init.normal_(model.go.table.weight, generator=torch.Generator().manual_seed(seed))
    try:
        assert_same_bits(run(model, spoiled, other), clean)
        assert_same_bits(run(model, None), run(model, None, other))
    finally:
        model.go = go
    torch.testing.assert_close(run(model, None).protein, clean.protein)


@settings(max_examples=20)
@given(st.lists(st.integers(NO_TERM, TERMS - 1), min_size=4, max_size=4))
def test_what_is_withheld_of_one_protein_changes_no_bit_beside_others_that_have_terms(
    model: FusionModel,
    rubbish: list[int],
) -> None:
    go_set = make_set()
    shown = go_set.shown.clone()
    shown[2] = torch.tensor(rubbish)
    assert_same_bits(run(model, replace(go_set, shown=shown)), run(model, go_set))


def test_rubbish_in_slots_behind_the_terms_changes_no_bit(model: FusionModel) -> None:
    go_set = make_set(padding=2)
    shown = torch.where(go_set.terms >= 0, go_set.shown, 6)
    assert_same_bits(run(model, replace(go_set, shown=shown)), run(model, go_set))


@pytest.mark.parametrize("other", [0, 2, TERMS - 1])
def test_a_hidden_term_changes_no_bit_by_what_it_is(model: FusionModel, other: int) -> None:
    go_set = make_set()
    shown, hidden = go_set.shown.clone(), go_set.hidden.clone()
    shown[0, 1], hidden[0, 1] = HIDDEN_TERM, True
    terms = go_set.terms.clone()
    terms[0, 1] = other
    clean = run(model, GoSet(go_set.terms, shown, hidden))
    assert_same_bits(run(model, GoSet(terms, shown, hidden)), clean)
    told = run(model, GoSet(terms, terms, hidden))
    assert not torch.equal(told.protein[0], clean.protein[0])


def test_what_is_shown_is_read_and_not_what_is_true(model: FusionModel) -> None:
    go_set = make_set()
    shown = go_set.shown.clone()
    shown[0, 1] = 8
    assert_same_bits(
        run(model, replace(go_set, shown=shown)), run(model, make_set(((1, 8, 7), *KNOWN[1:])))
    )


def test_a_hidden_term_is_neither_its_absence_nor_the_token_for_none(model: FusionModel) -> None:
    hidden = replace(make_set(((4,), (), (), ())), shown=torch.full((4, 1), HIDDEN_TERM))
    alone, nothing = run(model, hidden), run(model, None)
    assert not torch.allclose(alone.protein[0], nothing.protein[0], atol=1e-4)
    torch.testing.assert_close(alone.protein[1:], nothing.protein[1:], rtol=1e-5, atol=1e-6)
    one_of_two = make_set(((4, 6), (), (), ()))
    shown = one_of_two.shown.clone()
    shown[0, 1] = HIDDEN_TERM
    left_out = run(model, make_set(((4,), (), (), ())))
    assert not torch.allclose(
        run(model, replace(one_of_two, shown=shown)).protein[0], left_out.protein[0], atol=1e-4
    )


def test_what_is_contrasted_with_terms_has_read_none(model: FusionModel) -> None:
    outputs = [
        run(model, go_set) for go_set in (None, make_set(), make_set(((9,), (), (8, 1), (2,))))
    ]
    for other in outputs[1:]:
        assert torch.equal(other.projected, outputs[0].projected)
        assert not torch.allclose(other.protein, outputs[0].protein, atol=1e-4)
    bare = make_model()
    bare.load_state_dict(model.state_dict(), strict=False)
    with torch.no_grad():
        assert torch.equal(bare(BATCH).projected, outputs[0].projected)


def test_what_is_contrasted_with_terms_learns_nothing_from_what_is_read(model: FusionModel) -> None:
    model.zero_grad()
    shared = model(replace(BATCH, go_set=make_set())).projected
    (shared * torch.randn(shared.shape)).sum().backward()
    assert model.exchange is not None
    assert any(p.grad is not None and p.grad.any() for p in model.parameters())
    for name, parameter in model.exchange.named_parameters():
        assert parameter.grad is None or not parameter.grad.any(), name


def test_every_layer_of_the_exchange_learns(model: FusionModel) -> None:
    """In the released MASSA all layers but the last are dead: each reads the first input."""
    model.zero_grad()
    go_set = make_set()
    shown = go_set.shown.clone()
    shown[3, 2] = HIDDEN_TERM
    outputs = model(replace(BATCH, go_set=replace(go_set, shown=shown)))
    tokens = outputs.fused_tokens.values
    loss = (tokens * torch.randn(tokens.shape)).sum()
    tokens = outputs.go_tokens.values
    loss = loss + (tokens * torch.randn(tokens.shape)).sum()
    loss.backward()
    assert isinstance(model.exchange, GoExchange)
    assert len(model.exchange.of_protein) == len(model.exchange.of_go) == EXCHANGE.layers
    assert len(model.exchange.terms.layers) == EXCHANGE.set_layers
    for name, parameter in model.exchange.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 1e-5, name
    special = model.exchange.terms.special.weight.grad
    assert special is not None
    assert special.any(dim=1).all()


def test_each_layer_reads_what_the_one_before_wrote(model: FusionModel) -> None:
    exchange = model.exchange
    assert exchange is not None
    values = torch.randn(4, 12, CONFIG.width)
    residues = ResidueTokens(values * BATCH.residue_mask[..., None], BATCH.residue_mask)
    go_set = make_set()
    assert model.go is not None
    vectors = TermVectors(model.go, [go_set.shown])
    found, terms = exchange(residues, go_set, vectors)
    chain, read = residues, exchange.terms(go_set, 4, vectors)
    for of_protein, of_go in zip(exchange.of_protein, exchange.of_go, strict=True):
        protein_before = chain
        chain = of_protein(chain, read)
        read = of_go(read, protein_before)
    assert torch.equal(found.values, exchange.protein_norm(chain).values)
    assert torch.equal(terms.values, exchange.go_norm(read).values)
    first_of_all = exchange.of_protein[-1](residues, exchange.terms(go_set, 4, vectors))
    first_of_all = exchange.protein_norm(first_of_all)
    assert not torch.allclose(found.values, first_of_all.values, atol=1e-2)


def test_padding_of_residues_does_not_matter_to_the_terms(model: FusionModel) -> None:
    wide = make_batch(has_structure=(True, False, True, True), padding=9)
    short, long = run(model, make_set()), run(model, make_set(), wide)
    assert short.go_tokens is not None
    assert long.go_tokens is not None
    torch.testing.assert_close(long.go_tokens.values, short.go_tokens.values, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(long.protein, short.protein, rtol=1e-5, atol=1e-5)


def asked_of_the_encoder(model: FusionModel, batch: ProteinBatch) -> list[list[int]]:
    """Terms of each call of the GO encoder in one forward pass."""
    calls: list[list[int]] = []
    assert model.go is not None
    handle = model.go.register_forward_pre_hook(lambda _, terms: calls.append(terms[0].tolist()))
    try:
        model(batch)
    finally:
        handle.remove()
    return calls


def test_the_encoder_of_terms_runs_once_and_for_each_term_once(model: FusionModel) -> None:
    assert BATCH.go is not None
    few = replace(
        BATCH.go,
        terms=torch.tensor([4, 6]),
        namespaces=BATCH.go.namespaces[[4, 6]],
        positive=BATCH.go.positive[:, [4, 6]],
    )
    again = make_set(((1, 4, 7), (4,), (), (1, 7)))
    assert asked_of_the_encoder(model, replace(BATCH, go=few, go_set=again)) == [[1, 4, 6, 7]]
    assert asked_of_the_encoder(model, replace(BATCH, go=None, go_set=again)) == [[1, 4, 7]]
    assert asked_of_the_encoder(model, replace(BATCH, go=few)) == [[4, 6]]
    assert asked_of_the_encoder(model, replace(BATCH, go=None)) == []
    hidden = replace(again, shown=torch.full_like(again.shown, HIDDEN_TERM))
    assert asked_of_the_encoder(model, replace(BATCH, go=None, go_set=hidden)) == []


def test_term_vectors_are_those_of_the_encoder_in_any_order() -> None:
    encoder = FakeGoEncoder()
    vectors = TermVectors(encoder, [torch.tensor([[7, NO_TERM], [2, 7]]), torch.tensor([5])])
    asked = torch.tensor([5, 7, 7, 2])
    assert torch.equal(vectors(asked), encoder(asked))


def test_a_model_that_reads_no_terms_has_no_tokens_of_them() -> None:
    model = make_model()
    with torch.no_grad():
        without, beside = model(BATCH), model(replace(BATCH, go_set=make_set()))
    assert beside.go_tokens is None
    assert torch.equal(beside.protein, without.protein)


def test_unfit_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="width 10 is not a multiple of heads 4"):
        GoExchangeConfig(width=10, heads=4)
