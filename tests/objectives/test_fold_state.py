"""3Di states: whose count, and the loss against a few plain lines."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from multiprot.encoders.contract import ObjectiveResult, ProteinBatch
from multiprot.fusion.model import FusionModel
from multiprot.objectives import plugins
from multiprot.objectives.configs import FoldStateConfig
from multiprot.objectives.fold_state import FoldState
from multiprot.testing import ObjectiveSuite
from multiprot.testing.trial_model import trial_batch
from tests.fusion.fakes import make_batch, make_context, make_fold_states, make_model, take

LENGTHS = (9, 5, 12, 7)
SOME = (True, False, True, False)
"""Which of the proteins' structures the model sees."""


class TestFromSequence(ObjectiveSuite):
    """No structure is seen, as by a student of sequences."""

    plugin = plugins.fold_state

    def tiny_config(self) -> FoldStateConfig:
        return FoldStateConfig()

    def batch(self, model: FusionModel) -> ProteinBatch:
        whole = trial_batch(model)
        nobody = torch.zeros_like(whole.has_structure)
        return replace(whole, structure=None, has_structure=nobody)


def objective(**options: Any) -> FoldState:
    torch.manual_seed(0)
    chosen = FoldState(FoldStateConfig(**options), make_context())
    with torch.no_grad():
        # Else all guesses were nearly alike.
        chosen.head.weight.mul_(20)
    return chosen


def batch_of(lengths: tuple[int, ...] = LENGTHS, **options: Any) -> ProteinBatch:
    batch = make_batch(lengths, **{"has_structure": SOME[: len(lengths)], **options})
    return replace(batch, fold_states=make_fold_states(batch))


def outcome(chosen: FoldState, batch: ProteinBatch) -> ObjectiveResult:
    result: ObjectiveResult = chosen(make_model()(batch), batch)
    return result


OPTIONS: list[dict[str, Any]] = [
    {},
    {"seen_structures": True},
    {"seen_structures": True, "from_sequence": False},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_loss_and_metrics_equal_those_residue_by_residue(options: dict[str, Any]) -> None:
    chosen, batch = objective(**options), batch_of()
    outputs = make_model()(batch)
    assert batch.fold_states is not None
    losses, right, there = [], 0, Counter[int]()
    for protein, seen in enumerate(SOME):
        if not (chosen.config.seen_structures if seen else chosen.config.from_sequence):
            continue
        for residue, state in enumerate(batch.fold_states[protein].tolist()):
            if state < 0:
                continue
            scores = chosen.head(outputs.fused_tokens.values[protein, residue]).tolist()
            losses.append(math.log(sum(math.exp(score) for score in scores)) - scores[state])
            right += max(range(20), key=scores.__getitem__) == state
            there[state] += 1
    result, count = chosen(outputs, batch), len(losses)
    assert result.weight == count > 5
    assert float(result.loss.detach()) == pytest.approx(sum(losses) / count, rel=1e-5)
    expected = {
        "accuracy": right / count,
        "baseline_accuracy": max(there.values()) / count,
        "baseline_loss": -sum(n / count * math.log(n / count) for n in there.values()),
    }
    assert {k: float(v) for k, v in result.metrics.items()} == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_who_counts(options: dict[str, Any]) -> None:
    chosen = objective(**options)
    for seen in (True, False):
        batch = batch_of(has_structure=(seen,) * 4)
        assert batch.fold_states is not None
        wanted = chosen.config.seen_structures if seen else chosen.config.from_sequence
        known = int((batch.fold_states >= 0).sum())
        assert outcome(chosen, batch).weight == (known if wanted else 0)


def test_to_let_nobody_count_is_refused() -> None:
    with pytest.raises(ValidationError, match="one must be true"):
        FoldStateConfig(from_sequence=False)


def test_a_residue_without_a_token_does_not_count() -> None:
    """Neither sequence nor structure tells of it."""
    batch = batch_of()
    sequence: Any = batch.sequence
    mask = sequence.mask.clone()
    mask[1, 2] = mask[3] = False
    shown = torch.tensor([True, True, True, False])
    poorer = replace(batch, sequence=replace(sequence, mask=mask), has_sequence=shown)
    assert batch.fold_states is not None
    lost = int((batch.fold_states[3] >= 0).sum() + (batch.fold_states[1, 2] >= 0))
    chosen = objective()
    assert outcome(chosen, poorer).weight == outcome(chosen, batch).weight - lost


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(4)), padding=st.integers(0, 5))
def test_order_and_padding_change_nothing(order: list[int], padding: int) -> None:
    chosen = objective(seen_structures=True)
    before = outcome(chosen, batch_of())
    after = outcome(chosen, take(batch_of(padding=padding), order))
    torch.testing.assert_close(after.loss, before.loss)
    torch.testing.assert_close(dict(after.metrics), dict(before.metrics))


def test_the_loss_is_a_mean_over_residues_in_any_company() -> None:
    chosen, batch = objective(seen_structures=True), batch_of()
    alone = [outcome(chosen, take(batch, [row])) for row in range(len(LENGTHS))]
    total = sum(float(each.loss.detach() * each.weight) for each in alone)
    result = outcome(chosen, batch)
    assert result.weight == sum(each.weight for each in alone)
    assert float((result.loss * result.weight).detach()) == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("states", [None, "unknown", "all seen"])
def test_with_nothing_to_guess_it_rests(states: str | None) -> None:
    batch = batch_of(has_structure=(states == "all seen",) * 4)
    assert batch.fold_states is not None
    nothing = None if states is None else torch.full_like(batch.fold_states, -1)
    if states != "all seen":
        batch = replace(batch, fold_states=nothing)
    chosen = objective()
    result = outcome(chosen, batch)
    result.loss.backward()  # type: ignore[no-untyped-call]
    assert result.loss == result.weight == 0
    assert not any(float(value) for value in result.metrics.values())
    for parameter in chosen.parameters():
        assert parameter.grad is not None
        assert not parameter.grad.any()


def test_it_begins_near_an_equal_guess() -> None:
    torch.manual_seed(1)
    chosen = FoldState(FoldStateConfig(), make_context())
    loss = float(outcome(chosen, batch_of((60,) * 4, has_structure=(False,) * 4)).loss.detach())
    assert loss == pytest.approx(math.log(20), abs=0.1)
