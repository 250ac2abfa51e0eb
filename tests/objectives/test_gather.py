"""Exchange between processes, seen from one; two are in tests/distributed."""

from __future__ import annotations

import torch

from multiprot.objectives.gather import (
    gather_rows,
    global_mean,
    joint_means,
    process_rank,
    world_size,
)


def test_one_process_is_alone() -> None:
    assert world_size() == 1
    assert process_rank() == 0


def test_gathering_in_one_process_is_the_identity() -> None:
    rows = torch.randn(3, 2, requires_grad=True)
    assert gather_rows(rows) is rows


def test_mean_and_its_gradient_are_plain_in_one_process() -> None:
    values = torch.tensor([1.0, 2.0, 6.0], requires_grad=True)
    mean = global_mean(values.sum(), torch.tensor(3))
    assert mean == 3
    mean.backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad, torch.full((3,), 1 / 3))


def test_nothing_is_zero_attached_to_the_graph() -> None:
    values = torch.zeros(0, requires_grad=True)
    means = joint_means(values.sum(), torch.tensor(0), {"accuracy": torch.tensor(0)})
    assert means.loss == means.count == means.metrics["accuracy"] == 0
    means.loss.backward()
    assert values.grad is not None


def test_metrics_are_divided_by_the_same_count_and_carry_no_gradient() -> None:
    values = torch.ones(4, requires_grad=True)
    means = joint_means(values.sum(), torch.tensor(4), {"right": values.sum() / 2})
    assert means.metrics["right"] == 0.5
    assert not means.metrics["right"].requires_grad


def test_weights_may_be_fractions() -> None:
    assert global_mean(torch.tensor(0.5), torch.tensor(0.25)) == 2
