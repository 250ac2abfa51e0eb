"""Masked residues: who is hidden, what is shown, and the loss against a few plain lines."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from multiprot.encoders.contract import ObjectiveContext
from multiprot.errors import PluginError
from multiprot.objectives.configs import MaskedResidueConfig
from multiprot.objectives.masked_residue import (
    SHOW_MASK,
    MaskedResidue,
    choose_substitutes,
    maskable_residues,
)
from multiprot.objectives.masking import choose_items
from multiprot.proteins import AMINO_ACIDS, RESIDUE_LETTERS
from tests.fusion.fakes import (
    MASK_LETTER,
    FakeSequenceFeatures,
    FakeStructureFeatures,
    make_batch,
    make_context,
    make_model,
)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.booleans(), min_size=7, max_size=7), min_size=1, max_size=6),
    st.floats(0.001, 1),
    st.integers(0, 2**31),
)
def test_only_eligible_residues_and_at_least_one_a_protein(
    rows: list[list[bool]], rate: float, seed: int
) -> None:
    eligible = torch.tensor(rows)
    chosen = choose_items(eligible, rate, rng(seed))
    assert not (chosen & ~eligible).any()
    assert torch.equal(chosen.any(dim=1), eligible.any(dim=1))


def test_the_share_of_hidden_residues_is_the_rate() -> None:
    eligible = torch.ones(50, 400, dtype=torch.bool)
    share = choose_items(eligible, 0.15, rng()).float().mean().item()
    assert abs(share - 0.15) < 4 * math.sqrt(0.15 * 0.85 / eligible.numel())


def test_eighty_ten_ten() -> None:
    residues = torch.full((100, 200), 3)
    shown = choose_substitutes(residues, MaskedResidueConfig(), rng())
    assert (shown == SHOW_MASK).float().mean() == pytest.approx(0.8, abs=0.01)
    # A random amino acid is the residue itself once in twenty.
    assert (shown == 3).float().mean() == pytest.approx(0.1 + 0.1 / 20, abs=0.01)
    random = shown[(shown >= 0) & (shown != 3)]
    counts = torch.bincount(random, minlength=20)[torch.arange(20) != 3].float()
    assert len(counts) == 19
    assert counts.min() > 0.6 * counts.mean()


@pytest.mark.parametrize(("substitute", "keep"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
def test_shares_at_their_ends(substitute: float, keep: float) -> None:
    config = MaskedResidueConfig(substitute_share=substitute, keep_share=keep)
    residues = torch.randint(20, (20, 50))
    shown = choose_substitutes(residues, config, rng())
    if keep:
        assert torch.equal(shown, residues)
    elif substitute:
        assert shown.min() >= 0
        assert (shown != residues).float().mean() > 0.9
    else:
        assert (shown == SHOW_MASK).all()


def test_shares_above_one_are_refused() -> None:
    with pytest.raises(ValidationError, match="more than 1"):
        MaskedResidueConfig(substitute_share=0.6, keep_share=0.6)


def test_ambiguous_letters_padding_and_absent_sequences_are_never_hidden() -> None:
    batch = make_batch((6, 6))
    residues = batch.residues.clone()
    residues[0, :3] = torch.tensor([RESIDUE_LETTERS.index(letter) for letter in "XBU"])
    batch = replace(batch, residues=residues, has_sequence=torch.tensor([True, False]))
    maskable = maskable_residues(batch)
    assert maskable.tolist() == [[False] * 3 + [True] * 3, [False] * 6]
    objective = MaskedResidue(MaskedResidueConfig(rate=1.0), make_context())
    masked = objective.corrupt(batch, rng()).masked_residues
    assert masked is not None
    assert torch.equal(masked, maskable)


def test_what_is_hidden_is_not_seen_by_the_encoder() -> None:
    objective = MaskedResidue(
        MaskedResidueConfig(rate=0.5, substitute_share=0, keep_share=0), make_context()
    )
    batch = make_batch()
    corrupted = objective.corrupt(batch, rng())
    assert isinstance(corrupted.sequence, FakeSequenceFeatures)
    assert corrupted.masked_residues is not None
    hidden = corrupted.masked_residues
    assert (corrupted.sequence.letters[hidden] == MASK_LETTER).all()
    assert torch.equal(corrupted.sequence.letters[~hidden], batch.residues[~hidden])


def test_no_bit_of_the_logits_depends_on_a_hidden_identity() -> None:
    """Change what is hidden: targets change, fused tokens do not."""
    objective = MaskedResidue(
        MaskedResidueConfig(rate=0.5, substitute_share=0, keep_share=0), make_context()
    )
    model, batch = make_model(), make_batch()
    first = objective.corrupt(batch, rng())
    assert first.masked_residues is not None
    other_letters = torch.where(first.masked_residues, (batch.residues + 1) % 20, batch.residues)
    features = FakeSequenceFeatures(other_letters, batch.residue_mask)
    second = objective.corrupt(replace(batch, residues=other_letters, sequence=features), rng())
    with torch.no_grad():
        assert torch.equal(model(first).fused_tokens.values, model(second).fused_tokens.values)


def test_structure_features_that_know_the_residue_are_hidden_too() -> None:
    class Knowing(FakeStructureFeatures):
        def mask_residues(self, masked: torch.Tensor, substitutes: torch.Tensor) -> Knowing:
            return Knowing(torch.where(masked[..., None], -1.0, self.values), self.mask)

    batch = make_batch()
    assert isinstance(batch.structure, FakeStructureFeatures)
    knowing = Knowing(batch.structure.values, batch.structure.mask)
    objective = MaskedResidue(MaskedResidueConfig(), make_context())
    corrupted = objective.corrupt(replace(batch, structure=knowing), rng())
    assert isinstance(corrupted.structure, Knowing)
    assert corrupted.masked_residues is not None
    assert (corrupted.structure.values[corrupted.masked_residues] == -1).all()


@pytest.mark.parametrize("wanted", [True, False])
def test_a_structure_alone_has_all_its_residues_guessed_where_that_is_wanted(wanted: bool) -> None:
    batch = make_batch((6, 6, 4), has_structure=(True, True, False))
    residues = batch.residues.clone()
    residues[1, :2] = RESIDUE_LETTERS.index("X")
    batch = replace(batch, residues=residues, has_sequence=torch.tensor([True, False, True]))
    objective = MaskedResidue(MaskedResidueConfig(from_structure=wanted), make_context())
    plain = MaskedResidue(MaskedResidueConfig(), make_context()).corrupt(batch, rng())
    corrupted = objective.corrupt(batch, rng())
    assert plain.masked_residues is not None
    assert corrupted.masked_residues is not None
    expected = plain.masked_residues.clone()
    expected[1] = torch.tensor([False, False, wanted, wanted, wanted, wanted])
    assert torch.equal(corrupted.masked_residues, expected)
    with torch.no_grad():
        outputs = make_model()(corrupted)
        result = objective(outputs, corrupted)
        counted = expected & outputs.fused_tokens.mask
        losses = [
            float(-objective.head(outputs.fused_tokens.values[at]).log_softmax(0)[residues[at]])
            for at in map(tuple, counted.nonzero().tolist())
        ]
    assert float(result.loss) == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_residues_to_be_guessed_from_structure_are_hidden_from_its_encoder() -> None:
    shown = []

    class Knowing(FakeStructureFeatures):
        def mask_residues(self, masked: torch.Tensor, substitutes: torch.Tensor) -> Knowing:
            shown.append((masked, substitutes))
            return self

    batch = make_batch((6, 6))
    assert isinstance(batch.structure, FakeStructureFeatures)
    knowing = Knowing(batch.structure.values, batch.structure.mask)
    batch = replace(batch, structure=knowing, has_sequence=torch.tensor([True, False]))
    MaskedResidue(MaskedResidueConfig(from_structure=True), make_context()).corrupt(batch, rng())
    ((masked, substitutes),) = shown
    assert masked[1].all()
    assert (substitutes[1] == SHOW_MASK).all()


def test_two_objectives_may_hide_residues() -> None:
    objective = MaskedResidue(MaskedResidueConfig(rate=0.3), make_context())
    once = objective.corrupt(make_batch(), rng(1))
    twice = objective.corrupt(once, rng(2))
    assert once.masked_residues is not None
    assert twice.masked_residues is not None
    assert (twice.masked_residues | once.masked_residues).equal(twice.masked_residues)


def test_an_encoder_that_cannot_hide_residues_is_named() -> None:
    batch = make_batch()
    unmaskable = replace(batch, sequence=batch.structure)
    with pytest.raises(PluginError, match=r"FakeStructureFeatures.*mask_residues"):
        MaskedResidue(MaskedResidueConfig(), make_context()).corrupt(unmaskable, rng())


def test_loss_equals_the_mean_over_hidden_residues_one_by_one() -> None:
    objective = MaskedResidue(MaskedResidueConfig(rate=0.4), make_context())
    batch = objective.corrupt(make_batch(has_structure=(True, False, True, True)), rng())
    outputs = make_model()(batch)
    assert batch.masked_residues is not None
    losses, right, common = [], [], []
    for protein, residue in batch.masked_residues.nonzero().tolist():
        scores = objective.head(outputs.fused_tokens.values[protein, residue])
        target = int(batch.residues[protein, residue])
        losses.append(-scores.log_softmax(dim=0)[target])
        right.append(float(scores.argmax() == target))
        common.append(float(target == objective.most_frequent))
    result = objective(outputs, batch)
    mean = torch.stack(losses).mean()
    torch.testing.assert_close(result.loss, mean)
    assert result.weight == len(losses)
    assert result.metrics["accuracy"].item() == pytest.approx(sum(right) / len(right))
    assert result.metrics["baseline_accuracy"].item() == pytest.approx(sum(common) / len(common))
    torch.testing.assert_close(result.metrics["perplexity"], mean.detach().exp())


def test_baseline_is_the_most_frequent_amino_acid_of_the_corpus() -> None:
    frequencies = torch.full((len(RESIDUE_LETTERS),), 0.02)
    frequencies[AMINO_ACIDS.index("L")] = 0.1
    frequencies[RESIDUE_LETTERS.index("X")] = 0.9
    context = ObjectiveContext(width=16, shared_dim=8, residue_frequencies=frequencies)
    assert MaskedResidue(MaskedResidueConfig(), context).most_frequent == AMINO_ACIDS.index("L")


def test_untrained_loss_is_near_the_frequency_baseline() -> None:
    """The head starts with the frequencies as its bias."""
    frequencies = torch.rand(len(RESIDUE_LETTERS), generator=rng(3))
    frequencies[20:] = 0
    frequencies /= frequencies.sum()
    context = ObjectiveContext(width=16, shared_dim=8, residue_frequencies=frequencies)
    objective = MaskedResidue(MaskedResidueConfig(), context)
    probabilities = objective.head(torch.randn(500, 16)).softmax(dim=1).mean(dim=0)
    torch.testing.assert_close(probabilities, frequencies[:20], atol=0.02, rtol=0.3)
