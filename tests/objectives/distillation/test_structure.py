"""distill-structure against numpy, by residue and by pair; divergences of angles by density."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from multiprot.encoders.contract import ResidueTokens
from multiprot.errors import ConfigError
from multiprot.objectives.distillation import plugins
from multiprot.objectives.distillation.configs import StructureConfig
from multiprot.objectives.distillation.structure_heads import separated
from multiprot.objectives.distillation.structure_readings import von_mises_divergence
from tests.objectives.distillation.scenes import (
    NAMES,
    alone,
    changed,
    context,
    facts,
    heads,
    numbers,
    objective,
    run,
    scene,
    softmax,
)

Numbers = np.ndarray[Any, Any]
SEPARATIONS = (1, 3, 7)


def mapped(weights: dict[str, Tensor], name: str, values: Numbers) -> Numbers:
    return values @ numbers(weights[f"{name}weight"]).T + numbers(weights[f"{name}bias"])


def kl(truth: Numbers, guess: Numbers, heat: float) -> float:
    p, q = softmax(truth / heat), softmax(guess / heat)
    return float(heat**2 * (p * np.log(p / q)).sum())


def density(vector: Numbers, angles: Numbers) -> Numbers:
    """Of a von Mises distribution on a fine grid of angles."""
    raised = np.exp(vector[0] * np.cos(angles) + vector[1] * np.sin(angles) - np.hypot(*vector))
    return raised / raised.mean() / (2 * np.pi)


def angle_kl(truth: Numbers, guess: Numbers) -> float:
    grid = np.linspace(-np.pi, np.pi, 20_000, endpoint=False)
    p, q = density(truth, grid), density(guess, grid)
    return float((p * np.log(p / q)).mean() * 2 * np.pi)


def fold(weights: dict[str, Tensor], token: Numbers) -> Numbers:
    return mapped(weights, "fold-state.", token)


def angles(weights: dict[str, Tensor], token: Numbers) -> Numbers:
    hidden = np.maximum(mapped(weights, "dihedral.0.", token), 0)
    return mapped(weights, "dihedral.2.", hidden).reshape(-1, 2)


def bins(weights: dict[str, Tensor], left: Numbers, right: Numbers) -> Numbers:
    hidden = np.maximum(mapped(weights, "pairwise-distance.first.", (left - right) ** 2), 0)
    return mapped(weights, "pairwise-distance.last.", hidden)


def slow(
    chosen: Any, outputs: Any, batch: Any, heat: float, every: int
) -> dict[str, list[dict[str, float]]]:
    """Divergences of each part, of each protein that each teacher knows."""
    found: dict[str, list[dict[str, float]]] = {}
    for head, name in zip(chosen.heads, NAMES, strict=True):
        mine, theirs, taught = dict(head.named_parameters()), facts(name).heads, batch.taught[name]
        rows = found[name] = []
        for row in range(len(batch.ids)):
            known = np.flatnonzero(taught.tokens_known[row])
            if not len(known):
                continue
            own = numbers(outputs.fused_tokens.values[row])
            told = numbers(taught.tokens[row])
            pairs = [
                (i, i + s)
                for number, s in enumerate(SEPARATIONS)
                for i in known
                if i + s in known and (i - number) % every == 0
            ]
            rows.append(
                {
                    "fold-state": np.mean(
                        [kl(fold(theirs, told[r]), fold(mine, own[r]), heat) for r in known]
                    ),
                    "dihedral": np.mean(
                        [
                            angle_kl(truth, guess)
                            for r in known
                            for truth, guess in zip(
                                angles(theirs, told[r]), angles(mine, own[r]), strict=True
                            )
                        ]
                    ),
                    "pairwise-distance": np.mean(
                        [
                            kl(bins(theirs, told[i], told[j]), bins(mine, own[i], own[j]), heat)
                            for i, j in pairs
                        ]
                        or [0.0]
                    ),
                }
            )
    return found


@pytest.mark.parametrize(("heat", "every"), [(1.0, 1), (2.5, 1), (1.0, 2), (1.0, 5)])
def test_equal_to_numpy_residue_by_residue_and_pair_by_pair(heat: float, every: int) -> None:
    chosen = objective(
        plugins.distill_structure, temperature=heat, separations=SEPARATIONS, every=every
    )
    outputs, batch = scene(big=(0, 4))
    expected = slow(chosen, outputs, batch, heat, every)
    result = run(chosen, outputs, batch)
    for name, rows in expected.items():
        for part in rows[0]:
            mean = np.mean([row[part] for row in rows])
            assert result.metrics[f"{name}/{part}"].item() == pytest.approx(mean, rel=1e-4), part
        total = np.mean([sum(row.values()) for row in rows])
        assert result.metrics[f"{name}/loss"].item() == pytest.approx(total, rel=1e-4)
    result.loss.backward()  # type: ignore[no-untyped-call]
    assert outputs.fused_tokens.values.grad.isfinite().all()  # type: ignore[union-attr]
    assert all(p.grad is not None and p.grad.any() for p in chosen.parameters())


@given(st.floats(0, 300), st.floats(-3.2, 3.2), st.floats(0, 300), st.floats(-3.2, 3.2))
def test_divergence_of_angles_is_that_of_their_densities(
    kappa: float, mean: float, other: float, elsewhere: float
) -> None:
    truth = kappa * np.array([np.cos(mean), np.sin(mean)])
    guess = other * np.array([np.cos(elsewhere), np.sin(elsewhere)])
    found = von_mises_divergence(torch.from_numpy(truth), torch.from_numpy(guess))
    grid = np.linspace(-np.pi, np.pi, 20_000, endpoint=False)
    # In logarithms: far from the mean a density is no number any more.
    logs = [
        v[0] * np.cos(grid) + v[1] * np.sin(grid)
        - np.log(np.i0(np.hypot(*v)) if np.hypot(*v) < 700 else np.inf)
        for v in (truth, guess)
    ]  # fmt: skip
    expected = (np.exp(logs[0]) * (logs[0] - logs[1])).mean()
    assert float(found) == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("kappa", [0.0, 1e-3, 1.0, 50.0, 1e4, 1e6])
def test_divergence_of_angles_is_nothing_to_itself_and_has_finite_slopes(kappa: float) -> None:
    truth = torch.tensor([0.6 * kappa, -0.8 * kappa])
    guess = truth.clone().requires_grad_()
    found = von_mises_divergence(truth, guess)
    # Rounding is that of the concentration.
    assert abs(float(found.detach())) < 1e-6 * max(kappa, 1)
    found.backward()  # type: ignore[no-untyped-call]
    assert guess.grad is not None
    assert guess.grad.isfinite().all()
    away = von_mises_divergence(truth, torch.zeros(2, requires_grad=True))
    assert away.isfinite()


def test_a_student_that_reads_as_the_teacher_does_has_no_loss() -> None:
    known = facts("wee")
    same = replace(context(wee=known), width=known.token_width)
    chosen = objective(plugins.distill_structure, same, teachers=["wee"])
    for name, parameter in chosen.heads[0].named_parameters():
        parameter.data.copy_(known.heads[name])
    outputs, batch = scene()
    assert batch.taught is not None
    taught = batch.taught["wee"]
    outputs = replace(
        outputs,
        protein=outputs.protein[:, : known.token_width],
        fused_tokens=ResidueTokens(taught.tokens, batch.residue_mask),
    )
    result = run(chosen, outputs, batch)
    assert result.loss.item() == pytest.approx(0, abs=1e-5)
    assert result.metrics["baseline_loss"] > 0.1


def test_proteins_count_alike_in_any_company() -> None:
    outputs, batch = scene(wee=(3,))
    chosen = objective(plugins.distill_structure)
    losses = [run(chosen, *alone(outputs, batch, row)).loss for row in range(len(batch.ids))]
    torch.testing.assert_close(run(chosen, outputs, batch).loss, torch.stack(losses).mean())


def test_a_protein_of_one_residue_has_no_pair_and_counts() -> None:
    outputs, batch = scene(lengths=(1, 5))
    batch = changed(batch, tokens_known=torch.ones_like)
    result = run(objective(plugins.distill_structure), outputs, batch)
    assert result.loss.isfinite()
    assert result.weight == 2


@given(st.integers(1, 40), st.integers(1, 6))
def test_every_residue_is_in_as_many_pairs_as_the_next(length: int, every: int) -> None:
    """But at the ends; and all pairs of a separation are those of all beginnings."""
    known = torch.ones(1, length, dtype=torch.bool)
    of_all = separated(known, (3,) * every, 1)[0]
    in_turn = torch.cat(separated(known, (3,) * every, every), dim=1)
    assert sorted(in_turn.T.tolist()) == sorted(of_all.T.tolist())


def test_parts_are_those_that_the_teacher_has_or_that_are_asked_for() -> None:
    some = {name: each for name, each in heads(3).items() if name.startswith("dihedral")}
    given_context = context(wee=facts("wee", heads=some))
    chosen = objective(plugins.distill_structure, given_context)
    assert [sorted(head) for head in chosen.heads] == [
        ["dihedral", "fold-state", "pairwise-distance"],
        ["dihedral"],
    ]
    only = objective(plugins.distill_structure, given_context, parts=["dihedral"])
    assert [sorted(head) for head in only.heads] == [["dihedral"], ["dihedral"]]
    fold_only = objective(plugins.distill_structure, given_context, parts=["fold-state"])
    assert fold_only.names == ("big.v1",)
    with pytest.raises(ConfigError, match="needs tokens and heads for fold-state, and wee has"):
        objective(plugins.distill_structure, given_context, parts=["fold-state"], teachers=["wee"])
    none = torch.zeros(0)
    blind = context(wee=facts("wee", token_mean=none, token_deviation=none))
    with pytest.raises(ConfigError, match="wee has none"):
        objective(plugins.distill_structure, blind, teachers=["wee"])


@pytest.mark.parametrize(
    "options", [{"parts": ()}, {"separations": (2, 2)}, {"separations": (0,)}, {"temperature": 0}]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StructureConfig.model_validate(options)
