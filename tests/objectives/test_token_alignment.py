"""Token alignment against plain loops and cross-entropy; which residues are compared."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from multiprot.encoders.contract import FusionOutputs
from multiprot.objectives.configs import TokenAlignmentConfig
from multiprot.objectives.token_alignment import (
    TokenAlignment,
    evenly,
    pair_losses,
    residue_pairs,
)
from tests.fusion.fakes import make_batch, make_context, make_model, take


def outputs_of(lengths: tuple[int, ...] = (9, 5, 12)) -> tuple[FusionOutputs, TokenAlignment]:
    torch.manual_seed(0)
    outputs = make_model()(make_batch(lengths))
    return outputs, TokenAlignment(TokenAlignmentConfig(dim=8), make_context())


@pytest.mark.parametrize("exclude", [0, 1, 3])
def test_equal_to_plain_loops(exclude: int) -> None:
    outputs, _ = outputs_of()
    torch.manual_seed(0)
    config = TokenAlignmentConfig(dim=8, exclude_neighbours=exclude)
    objective = TokenAlignment(config, make_context())
    sequence, structure = outputs.sequence_tokens, outputs.structure_tokens
    assert sequence is not None
    assert structure is not None
    both = (sequence.mask & structure.mask).nonzero().tolist()
    u = {tuple(r): normalize(objective.sequence_head(sequence.values[*r]), dim=0) for r in both}
    v = {tuple(r): normalize(objective.structure_head(structure.values[*r]), dim=0) for r in both}

    def one(own: tuple[int, ...], rows: dict[tuple[int, ...], Tensor], columns: object) -> Tensor:
        assert isinstance(columns, dict)
        false = [q for q in columns if q[0] != own[0] or abs(q[1] - own[1]) > exclude]
        scores = torch.stack([rows[own] @ columns[q] / 0.1 for q in [own, *false]])
        return -scores.log_softmax(dim=0)[0]

    losses = [(one(r, u, v) + one(r, v, u)) / 2 for r in u]
    result = objective(outputs, make_batch((9, 5, 12)))
    assert result.weight == len(losses)
    torch.testing.assert_close(result.loss, torch.stack(losses).mean(), rtol=1e-4, atol=1e-5)


def test_the_library_gives_what_cross_entropy_gives() -> None:
    raw = torch.randn(30, 8, requires_grad=True)
    rows, columns = normalize(raw, dim=-1), normalize(torch.randn(30, 8), dim=-1)
    pairs = residue_pairs(torch.zeros(30).long(), torch.arange(30), 0)
    temperature = torch.tensor(0.2, requires_grad=True)
    ours = pair_losses(rows, columns, pairs, temperature)
    assert isinstance(ours, Tensor)
    first = torch.autograd.grad(ours, [raw, temperature], retain_graph=True)
    plain = cross_entropy(rows @ columns.T / temperature, torch.arange(30), reduction="sum")
    second = torch.autograd.grad(plain, [raw, temperature])
    torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-4)


@given(st.integers(0, 60), st.integers(1, 30))
def test_even_choice(items: int, at_most: int) -> None:
    chosen = evenly(torch.arange(items), at_most).tolist()
    assert len(chosen) == min(items, at_most)
    assert chosen == sorted(set(chosen))
    if len(chosen) > 1:
        steps = [b - a for a, b in pairwise(chosen)]
        assert max(steps) - min(steps) <= 1


def test_neighbours_in_the_chain_are_no_negatives_and_those_of_others_are() -> None:
    protein = torch.tensor([0, 0, 0, 0, 1, 1])
    residue = torch.tensor([0, 1, 2, 5, 0, 1])
    pairs = residue_pairs(protein, residue, 1)
    assert pairs.negative[0].tolist() == [False, False, True, True, True, True]
    assert pairs.negative[1].tolist() == [False, False, False, True, True, True]
    assert pairs.negative[4].tolist() == [True, True, True, True, False, False]
    assert pairs.positive.tolist() == list(range(6))


def test_rows_without_negatives_do_not_count() -> None:
    pairs = residue_pairs(torch.zeros(3).long(), torch.arange(3), 5)
    assert not pairs.usable.any()
    outputs, _ = outputs_of((4,))
    objective = TokenAlignment(TokenAlignmentConfig(exclude_neighbours=10), make_context())
    result = objective(outputs, make_batch((4,)))
    assert result.weight == 0
    assert result.loss == 0


def test_no_more_residues_than_allowed() -> None:
    outputs, _ = outputs_of((40, 40))
    objective = TokenAlignment(TokenAlignmentConfig(max_residues=16), make_context())
    assert objective(outputs, make_batch((40, 40))).weight == 16


def test_only_residues_with_both_tokens_are_compared() -> None:
    batch = make_batch((9, 5, 12), has_structure=(True, False, True), unresolved=0.5)
    outputs = make_model()(batch)
    _, objective = outputs_of()
    assert outputs.sequence_tokens is not None
    assert outputs.structure_tokens is not None
    both = outputs.sequence_tokens.mask & outputs.structure_tokens.mask
    result = objective(outputs, batch)
    assert result.weight == both.sum()
    alone = take(batch, [0, 2])
    torch.testing.assert_close(
        objective(make_model()(alone), alone).loss, result.loss, rtol=1e-4, atol=1e-5
    )


def test_perfect_tokens_are_found() -> None:
    outputs, objective = outputs_of()
    objective.structure_head.load_state_dict(objective.sequence_head.state_dict())
    sequence, structure = outputs.sequence_tokens, outputs.structure_tokens
    assert sequence is not None
    assert structure is not None
    same = replace(outputs, structure_tokens=replace(structure, values=sequence.values))
    metrics = objective(same, make_batch((9, 5, 12))).metrics
    assert metrics["sequence_to_structure_accuracy"] == 1
    assert metrics["structure_to_sequence_accuracy"] == 1
