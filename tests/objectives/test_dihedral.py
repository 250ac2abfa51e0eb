"""Hidden dihedrals: what is hidden, the circle, and the loss against a few plain lines."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import vonmises
from torch import Tensor

from multiprot.encoders.contract import ObjectiveResult, ProteinBatch
from multiprot.errors import PluginError
from multiprot.objectives import plugins
from multiprot.objectives.configs import DihedralConfig, MaskedResidueConfig
from multiprot.objectives.dihedral import Dihedral, cosine, degrees_apart, von_mises
from multiprot.objectives.masked_residue import MaskedResidue
from multiprot.objectives.masking import choose_items
from multiprot.testing import ObjectiveSuite
from tests.fusion.fakes import (
    HideableFeatures,
    make_batch,
    make_context,
    make_geometry,
    make_model,
    take,
)

LENGTHS = (9, 5, 12, 7)
ANGLES = ("phi", "psi", "omega")
LOSSES: list[dict[str, Any]] = [{}, {"loss": "cosine"}, {"legacy": True}]
angles = st.floats(-3.125, 3.125, width=32)
sizes = st.floats(-50, 50, width=32)


class TestCosine(ObjectiveSuite):
    plugin = plugins.dihedral

    def tiny_config(self) -> DihedralConfig:
        return DihedralConfig(loss="cosine", angles=("psi",))


class TestLegacy(ObjectiveSuite):
    plugin = plugins.dihedral

    def tiny_config(self) -> DihedralConfig:
        return DihedralConfig(legacy=True, angles=("phi", "psi"))


def objective(**options: Any) -> Dihedral:
    torch.manual_seed(0)
    return Dihedral(DihedralConfig(**options), make_context())


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch_of(lengths: tuple[int, ...] = LENGTHS, **options: Any) -> ProteinBatch:
    batch = make_batch(lengths, **options)
    features: Any = batch.structure
    return replace(
        batch,
        structure=HideableFeatures(features.values, features.mask),
        geometry=make_geometry(batch),
    )


def hidden_of(batch: ProteinBatch) -> Tensor:
    assert batch.hidden_geometry is not None
    return batch.hidden_geometry


def outcome(chosen: Dihedral, batch: ProteinBatch) -> ObjectiveResult:
    result: ObjectiveResult = chosen(make_model()(batch), batch)
    return result


def slow_loss(config: DihedralConfig, guess: list[float], angle: float) -> tuple[float, float]:
    """Loss, and the angle that is guessed."""
    if config.legacy:
        return (math.tanh(guess[0]) - angle / math.pi) ** 2, math.tanh(guess[0]) * math.pi
    mean, concentration = math.atan2(guess[1], guess[0]), math.hypot(*guess)
    if config.loss == "cosine":
        return 1 - math.cos(angle - mean), mean
    return -vonmises.logpdf(angle, concentration, loc=mean), mean


@pytest.mark.parametrize(
    "options",
    [*LOSSES, {"angles": ("psi",)}, {"angles": ("omega", "phi")}, {"from_sequence": True}],
    ids=str,
)
def test_loss_and_metrics_equal_those_angle_by_angle(options: dict[str, Any]) -> None:
    chosen = objective(rate=0.5, **options)
    batch = chosen.corrupt(batch_of(has_structure=(True, False, True, True)), rng())
    outputs, geometry = make_model()(batch), batch.geometry
    assert geometry is not None
    names = chosen.config.angles
    losses, errors = [], {name: [0.0][:0] for name in names}
    for protein, shown in enumerate(batch.has_structure.tolist()):
        for residue in range(batch.residues.shape[1]):
            hidden = hidden_of(batch)[protein, residue] if shown else chosen.config.from_sequence
            if not hidden or not outputs.fused_tokens.mask[protein, residue]:
                continue
            guesses = chosen.head(outputs.fused_tokens.values[protein, residue])
            for name, guess in zip(names, guesses.view(len(names), -1).tolist(), strict=True):
                place = (protein, residue, ANGLES.index(name))
                if geometry.dihedrals_known[place]:
                    angle = float(geometry.dihedrals[place])
                    loss, found = slow_loss(chosen.config, guess, angle)
                    losses.append(loss)
                    turn = abs(found - angle) % (2 * math.pi)
                    errors[name].append(math.degrees(min(turn, 2 * math.pi - turn)))
    result = chosen(outputs, batch)
    assert result.weight == len(losses) > 5
    assert float(result.loss.detach()) == pytest.approx(sum(losses) / len(losses), rel=1e-4)
    everything = [error for own in errors.values() for error in own]
    expected = {
        "angle_error": sum(everything) / len(everything),
        "within_30": sum(error <= 30 for error in everything) / len(everything),
        **{f"{name}_error": sum(own) / len(own) for name, own in errors.items()},
    }
    assert {k: float(v) for k, v in result.metrics.items()} == pytest.approx(expected, rel=1e-4)


@settings(max_examples=200, deadline=None)
@given(sizes, sizes, angles, st.integers(-3, 3))
def test_a_whole_turn_changes_nothing(a: float, b: float, angle: float, turns: int) -> None:
    vectors = torch.tensor([[a, b]]).double()
    here = torch.tensor([angle]).double()
    there = here + 2 * math.pi * turns
    for loss in (von_mises, cosine):
        torch.testing.assert_close(loss(vectors, here), loss(vectors, there))


@settings(max_examples=200, deadline=None)
@given(sizes, sizes)
def test_both_sides_of_180_degrees_are_one(a: float, b: float) -> None:
    """In value, and in slope: the loss passes through there as through any other angle."""
    left, right = torch.tensor([-math.pi]), torch.tensor([math.pi])
    for loss in (von_mises, cosine):
        slopes = []
        for angle in (left, right, left + 1e-4, right - 1e-4):
            vectors = torch.tensor([[a, b]], requires_grad=True)
            value = loss(vectors, angle)
            (slope,) = torch.autograd.grad(value.sum(), vectors)
            slopes.append((value.detach(), slope))
        largest = 1 + math.hypot(a, b)
        for value, slope in slopes[1:]:
            torch.testing.assert_close(value, slopes[0][0], rtol=0, atol=5e-4 * largest)
            wide = 1.0 if loss is von_mises else 1 / max(math.hypot(a, b), 1e-3)
            torch.testing.assert_close(slope, slopes[0][1], rtol=1e-3, atol=1e-3 * wide)
    assert degrees_apart(left, right) < 1e-3
    assert degrees_apart(left + 0.1, right - 0.1).item() == pytest.approx(math.degrees(0.2), 1e-3)


def test_only_legacy_tears_the_circle() -> None:
    sides = torch.tensor([math.radians(179), math.radians(-179)])
    guesses = torch.tensor([[-2.0, 0.0], [-2.0, 0.0]])
    for options in LOSSES:
        chosen = objective(**options)
        losses = chosen._losses(guesses[:, :1] if chosen.config.legacy else guesses, sides)
        assert bool((losses[0] - losses[1]).abs() > 1) is chosen.config.legacy


@pytest.mark.parametrize("size", [0.0, 1e-30, 1e-6, 1e-3, 1.0, 30.0, 1e3, 1e6])
def test_losses_and_slopes_are_finite_at_any_concentration(size: float) -> None:
    truth = torch.linspace(-math.pi, math.pi, 13)
    for loss in (von_mises, cosine):
        directions = torch.stack([truth.sin(), truth.cos()], dim=1)
        vectors = (size * directions).requires_grad_()
        values = loss(vectors, truth)
        (slopes,) = torch.autograd.grad(values.sum(), vectors)
        assert values.isfinite().all()
        assert slopes.isfinite().all()
        if loss is von_mises:
            assert (slopes.norm(dim=1) <= 2 + 1e-3).all()
            if size < 1e-2:
                assert float(values.detach().mean()) == pytest.approx(
                    math.log(2 * math.pi), abs=2e-3
                )


def test_slopes_are_right() -> None:
    torch.manual_seed(0)
    vectors = (3 * torch.randn(6, 2)).double().requires_grad_()
    truth = torch.linspace(-3, 3, 6).double()
    for loss in (von_mises, cosine):
        assert torch.autograd.gradcheck(lambda v, f=loss: f(v, truth), (vectors,))
        assert torch.autograd.gradgradcheck(lambda v, f=loss: f(v, truth), (vectors,))


def test_the_likelihood_is_one_in_all() -> None:
    circle = torch.linspace(-math.pi, math.pi, 20_001).double()
    for vector in ([0.0, 0.0], [0.3, -0.1], [5.0, 9.0], [-40.0, 2.0]):
        density = (-von_mises(torch.tensor([vector]).double().expand(20_001, 2), circle)).exp()
        assert torch.trapezoid(density, circle).item() == pytest.approx(1, abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=6),
    st.floats(0.001, 1),
    st.integers(0, 2**31),
)
def test_at_least_two_are_chosen_where_there_are_two(
    rows: list[list[bool]], rate: float, seed: int
) -> None:
    eligible = torch.tensor(rows)
    chosen = choose_items(eligible, rate, rng(seed), at_least=2)
    assert not (chosen & ~eligible).any()
    assert (chosen.sum(dim=1) >= eligible.sum(dim=1).clamp(max=2)).all()
    one = choose_items(eligible, rate, rng(seed))
    assert not (one & ~chosen).any()


def test_the_share_of_hidden_residues_is_the_rate() -> None:
    batch = batch_of((200,) * 40)
    geometry = batch.geometry
    assert geometry is not None
    defined = geometry.dihedrals_known.any(dim=2)
    hidden = hidden_of(objective().corrupt(batch, rng()))
    share = hidden[defined].float().mean().item()
    assert abs(share - 0.15) < 4 * math.sqrt(0.15 * 0.85 / int(defined.sum()))
    assert not hidden[~defined].any()


def test_geometry_of_chosen_residues_is_hidden_and_of_no_others() -> None:
    batch = batch_of()
    before: Any = batch.structure
    corrupted = objective(rate=0.4).corrupt(batch, rng())
    after: Any = corrupted.structure
    hidden = hidden_of(corrupted)
    assert hidden.any()
    assert not after.values[hidden].any()
    assert torch.equal(after.values[~hidden], before.values[~hidden])
    assert batch.hidden_geometry is None
    assert corrupted.masked_residues is None
    assert corrupted.geometry is batch.geometry


def test_residues_that_another_objective_hides_are_guessed_too() -> None:
    batch = batch_of((20, 20))
    other = MaskedResidue(MaskedResidueConfig(rate=0.3, hide_structure=True), make_context())
    for first, second in ((other, objective()), (objective(), other)):
        once = first.corrupt(batch, rng(1))
        twice = second.corrupt(once, rng(2))
        assert torch.equal(hidden_of(twice), hidden_of(twice) | hidden_of(once))
        assert (hidden_of(twice) & ~hidden_of(once)).any()
        assert outcome(objective(), twice).weight > outcome(objective(), once).weight
    plain = MaskedResidue(MaskedResidueConfig(rate=0.3), make_context()).corrupt(batch, rng())
    assert plain.hidden_geometry is None


def test_features_that_cannot_hide_geometry_are_named() -> None:
    batch = make_batch()
    batch = replace(batch, geometry=make_geometry(batch))
    with pytest.raises(PluginError, match=r"dihedral needs.*FakeStructureFeatures .*hide_geometry"):
        objective().corrupt(batch, rng())


@pytest.mark.parametrize("wanted", [True, False])
def test_a_withheld_structure_counts_where_that_is_wanted(wanted: bool) -> None:
    batch = batch_of(has_structure=(False,) * 4)
    geometry = batch.geometry
    assert geometry is not None
    chosen = objective(from_sequence=wanted)
    known = int(geometry.dihedrals_known.sum())
    for each in (batch, replace(batch, structure=None)):
        corrupted = chosen.corrupt(each, rng())
        # An objective that hides residues of all proteins does not make them count.
        everything = replace(corrupted, hidden_geometry=batch.residue_mask)
        for seen in (corrupted, everything):
            assert outcome(chosen, seen).weight == (known if wanted else 0)


@pytest.mark.parametrize("options", LOSSES, ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_rubbish_in_undefined_angles_changes_nothing(
    options: dict[str, Any], training: bool
) -> None:
    chosen = objective(rate=0.6, **options).train(training)
    batch = chosen.corrupt(batch_of(), rng())
    geometry = batch.geometry
    assert geometry is not None
    found = []
    for rubbish in (0.0, 2.0, math.nan, math.inf):
        spoilt = torch.where(geometry.dihedrals_known, geometry.dihedrals, rubbish)
        other = replace(batch, geometry=replace(geometry, dihedrals=spoilt))
        chosen.zero_grad()
        result = outcome(chosen, other)
        result.loss.backward()  # type: ignore[no-untyped-call]
        slopes = [p.grad.clone() for p in chosen.parameters() if p.grad is not None]
        found.append([result.loss.detach(), result.weight, *result.metrics.values(), *slopes])
    for other_found in found[1:]:
        for one, other_part in zip(found[0], other_found, strict=True):
            assert torch.equal(one, other_part)
    assert all(part.isfinite().all() for part in found[0])


def test_the_loss_is_a_mean_over_angles_in_any_company() -> None:
    chosen = objective(rate=0.5)
    batch = chosen.corrupt(batch_of(padding=4), rng())
    tight = replace(
        take(batch, [0, 1, 2, 3]),
        **{
            name: getattr(batch, name)[:, :12]
            for name in ("residues", "residue_mask", "hidden_geometry")
        },
    )
    features: Any = batch.structure
    sequence: Any = batch.sequence
    geometry = batch.geometry
    assert geometry is not None
    tight = replace(
        tight,
        structure=HideableFeatures(features.values[:, :12], features.mask[:, :12]),
        sequence=replace(sequence, letters=sequence.letters[:, :12], mask=sequence.mask[:, :12]),
        geometry=replace(
            geometry,
            dihedrals=geometry.dihedrals[:, :12],
            dihedrals_known=geometry.dihedrals_known[:, :12],
        ),
    )
    together = outcome(chosen, batch)
    torch.testing.assert_close(outcome(chosen, tight).loss, together.loss)
    alone = [outcome(chosen, take(batch, [row])) for row in range(len(LENGTHS))]
    weights = torch.stack([each.weight for each in alone])
    mean = (torch.stack([each.loss for each in alone]) * weights).sum() / weights.sum()
    torch.testing.assert_close(together.loss, mean)
    assert together.weight == weights.sum()


@pytest.mark.parametrize("case", ["no geometry", "one residue", "no angle", "not corrupted"])
@pytest.mark.parametrize("options", LOSSES, ids=str)
def test_nothing_to_guess_weighs_nothing(case: str, options: dict[str, Any]) -> None:
    chosen = objective(**options)
    batch = batch_of((1,) if case == "one residue" else LENGTHS)
    geometry = batch.geometry
    assert geometry is not None
    if case == "no geometry":
        batch = replace(batch, geometry=None)
    elif case != "not corrupted":
        unknown = torch.zeros_like(geometry.dihedrals_known)
        batch = replace(batch, geometry=replace(geometry, dihedrals_known=unknown))
    if case != "not corrupted":
        batch = chosen.corrupt(batch, rng())
    result = outcome(chosen, batch)
    assert result.loss == 0
    assert result.weight == 0
    assert not any(result.metrics.values())
    result.loss.backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None and not p.grad.any() for p in chosen.parameters())


@pytest.mark.parametrize("options", [{"angles": ()}, {"angles": ("phi", "phi")}, {"rate": 0}])
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DihedralConfig(**options)
