"""distill-relations and distill-neighbours against plain loops; ties, twins, too few others."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from multiprot.objectives.distillation import plugins
from multiprot.objectives.distillation.company import Similarities
from multiprot.objectives.distillation.neighbours import nearest
from tests.objectives.distillation.scenes import (
    NAMES,
    changed,
    facts,
    numbers,
    objective,
    outputs_of,
    run,
    scene,
    softmax,
    unit,
)

BOTH = (plugins.distill_relations, plugins.distill_neighbours)


def cosines(outputs: Any, batch: Any, name: str) -> tuple[Any, Any, list[int]]:
    """Of the student, of the teacher, and the proteins that the teacher knows."""
    taught = batch.taught[name]
    student = unit(numbers(outputs.protein))
    teacher = unit(numbers(taught.vectors) - numbers(facts(name).mean))
    return student @ student.T, teacher @ teacher.T, taught.known.nonzero()[:, 0].tolist()


def kl(student: Any, teacher: Any, row: int, others: list[int]) -> float:
    p, q = (softmax(each[row, others] / 0.1) for each in (teacher, student))
    return float((p * np.log(p / q)).sum())


def list_mle(student: Any, teacher: Any, row: int, others: list[int], k: int = 2) -> float:
    """−log of drawing the k nearest, one after the other, from what is left."""
    left = sorted(others, key=lambda other: -teacher[row, other])
    costs = []
    for _ in range(min(k, len(others) - 1)):
        scores = [student[row, other] / 0.1 for other in left]
        costs.append(math.log(sum(math.exp(score) for score in scores)) - scores[0])
        left = left[1:]
    return sum(costs) / len(costs)


@pytest.mark.parametrize("plugin", BOTH, ids=lambda plugin: plugin.name)
def test_equal_to_plain_loops(plugin: Any) -> None:
    neighbours = plugin is plugins.distill_neighbours
    chosen = objective(plugin, **({"neighbours": 2} if neighbours else {}))
    outputs, batch = scene(big=(2,), wee=(0, 2, 4), lengths=(9, 5, 12, 7, 8, 6))
    losses: dict[int, list[float]] = {}
    for name in NAMES:
        student, teacher, known = cosines(outputs, batch, name)
        for row in known:
            others = [other for other in known if other != row]
            loss = (list_mle if neighbours else kl)(student, teacher, row, others)
            losses.setdefault(row, []).append(loss)
    result = run(chosen, outputs, batch)
    assert result.weight == len(losses) == 5
    wanted = np.mean([np.mean(each) for each in losses.values()])
    assert result.loss.item() == pytest.approx(wanted, rel=1e-4)


def test_share_of_neighbours_found() -> None:
    chosen = objective(plugins.distill_neighbours, neighbours=2)
    outputs, batch = scene()
    for name in NAMES:
        student, teacher, known = cosines(outputs, batch, name)
        shares = []
        for row in known:
            others = [other for other in known if other != row]
            best = [sorted(others, key=lambda o: -s[row, o])[:2] for s in (student, teacher)]
            shares.append(len(set(best[0]) & set(best[1])) / 2)
        found = run(chosen, outputs, batch).metrics[f"{name}/recall"].item()
        assert found == pytest.approx(np.mean(shares))


@pytest.mark.parametrize("plugin", BOTH, ids=lambda plugin: plugin.name)
def test_the_teachers_own_similarities_are_the_least_loss(plugin: Any) -> None:
    """A student that has the teacher's vectors, however turned, has nothing to learn."""
    batch = changed(scene()[1])
    taught = batch.taught["wee"]  # type: ignore[index]
    apart = taught.vectors - facts("wee").mean
    turn, _ = torch.linalg.qr(torch.randn(6, 6))
    same = torch.nn.functional.pad(apart, (0, 2)) @ turn
    outputs = replace(outputs_of(batch), protein=same.clone().requires_grad_())
    chosen = objective(plugin, teachers=["wee"])
    result = run(chosen, outputs, batch)
    if plugin is plugins.distill_relations:
        assert result.loss.item() == pytest.approx(0, abs=1e-5)
    else:
        assert result.metrics["wee/recall"] == 1
    assert result.loss < result.metrics["baseline_loss"]


@pytest.mark.parametrize("plugin", BOTH, ids=lambda plugin: plugin.name)
@pytest.mark.parametrize("lengths", [(9,), (9, 5)], ids=["alone", "two"])
def test_too_few_others_weigh_nothing(plugin: Any, lengths: tuple[int, ...]) -> None:
    outputs, batch = scene(lengths=lengths)
    result = run(objective(plugin), outputs, batch)
    assert result.loss == result.weight == 0
    assert not any(result.metrics.values())
    result.loss.backward()  # type: ignore[no-untyped-call]
    assert outputs.protein.grad is not None
    assert not outputs.protein.grad.any()


@pytest.mark.parametrize("plugin", BOTH, ids=lambda plugin: plugin.name)
def test_a_protein_is_not_its_own_other_where_it_is_there_twice(plugin: Any) -> None:
    outputs, batch = scene(lengths=(9, 5, 12))
    twice = replace(batch, ids=("a", "a", "b"))
    result = run(objective(plugin), outputs, twice)
    # a has b alone, b has a twice: only b has two others.
    assert result.weight == 1
    nobody = replace(batch, ids=("a", "a", "a"))
    assert run(objective(plugin), outputs, nobody).weight == 0


@pytest.mark.parametrize("plugin", BOTH, ids=lambda plugin: plugin.name)
def test_a_teacher_to_whom_all_are_alike(plugin: Any) -> None:
    """Of it no neighbours can be learnt; its relations are uniform. Rounding is no direction."""
    outputs, batch = scene()
    constant = changed(batch, vectors=lambda vectors: torch.full_like(vectors, 1 / 3))
    result = run(objective(plugin), outputs, constant)
    result.loss.backward()  # type: ignore[no-untyped-call]
    assert outputs.protein.grad.isfinite().all()  # type: ignore[union-attr]
    if plugin is plugins.distill_neighbours:
        assert result.weight == 0
    noisy = changed(
        batch,
        vectors=lambda vectors: (
            facts(NAMES[vectors.shape[1] < 5]).mean * (1 + 1e-7) + torch.zeros_like(vectors)
        ),
    )
    chosen = objective(plugins.distill_relations)
    student = run(chosen, outputs, noisy)
    assert student.metrics["baseline_loss"].item() == pytest.approx(0, abs=1e-3)


def test_of_those_that_tie_for_the_last_place_none_is_a_neighbour() -> None:
    teacher = torch.tensor([[0.0, 0.9, 0.5, 0.5, 0.1, 0.9]])
    others = torch.tensor([[False, True, True, True, True, True]])
    alike = Similarities(torch.zeros(1, 6), teacher, others)
    assert nearest(alike, 3).counted.tolist() == [[True, True, False, False]]
    assert nearest(alike, 4).counted.tolist() == [[True] * 4 + [False]]
    # At most all others but one.
    assert nearest(alike, 99).counted.sum() == 4
    chosen = objective(plugins.distill_neighbours, neighbours=3)
    # Both of the two nearest are drawn among all five.
    assert chosen.losses(alike).item() == pytest.approx(math.log(5))


def test_equally_near_ones_may_stand_in_any_order() -> None:
    outputs, batch = scene(lengths=(9, 5, 12, 7, 8, 6, 9))
    same = changed(batch, vectors=lambda vectors: vectors[torch.tensor([0, 1, 1, 1, 4, 5, 5])])
    order = torch.tensor([3, 6, 2, 0, 5, 1, 4])
    chosen = objective(plugins.distill_neighbours, neighbours=3)
    loss = run(chosen, outputs, same).loss
    shuffled = changed(
        same,
        **{p: lambda part: part[order] for p in ("vectors", "known", "tokens", "tokens_known")},
    )
    shuffled = replace(shuffled, ids=tuple(batch.ids[row] for row in order))
    moved = replace(outputs, protein=outputs.protein[order])
    torch.testing.assert_close(run(chosen, moved, shuffled).loss, loss)
