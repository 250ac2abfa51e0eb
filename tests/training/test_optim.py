"""Who decays, who moves, and how far."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from multiprot.training.optim import (
    build_optimizer,
    build_scheduler,
    gradient_norm,
    trainable_parameters,
)
from multiprot.training.parts import TrainingParts
from multiprot.training.settings import OptimizerConfig, ScheduleConfig


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 4)
        self.norm = nn.LayerNorm(4)
        self.dense = nn.Linear(4, 5)
        self.again = self.dense
        self.frozen = nn.Linear(4, 4).requires_grad_(False)


def test_only_matrices_decay_and_each_parameter_occurs_once() -> None:
    model = Tied()
    chosen = {id(p): decays for p, decays in trainable_parameters(model)}
    assert len(chosen) == 5
    assert [decays for decays in chosen.values() if decays] == [True]
    assert chosen[id(model.dense.weight)]
    assert len(list(trainable_parameters(model))) == len(chosen)


def test_every_trainable_parameter_of_a_real_model_is_optimized(parts: TrainingParts) -> None:
    module = nn.ModuleList([parts.model, parts.objectives])
    optimizer = build_optimizer(module, OptimizerConfig())
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in module.parameters() if p.requires_grad}
    decays = {group["weight_decay"] for group in optimizer.param_groups}
    assert decays == {0.0, OptimizerConfig().weight_decay}


def test_an_encoder_learns_at_its_own_multiple_of_the_rate(parts: TrainingParts) -> None:
    module = nn.Module()
    module.model, module.objectives = parts.model, parts.objectives
    options = OptimizerConfig(peak_lr=0.01, encoder_lr={"structure": 4.0, "go": 0.5})
    optimizer = build_optimizer(module, options)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in module.named_parameters():
        expected = {"model.structure": 0.04, "model.go": 0.005}
        part = ".".join(name.split(".")[:2])
        assert rates[id(parameter)] == pytest.approx(expected.get(part, 0.01)), name
    assert {0.01, 0.04, 0.005} == {round(rate, 6) for rate in rates.values()}
    # What is logged as the learning rate is that of everything else.
    assert optimizer.param_groups[0]["lr"] == 0.01


def test_decay_shrinks_matrices_and_leaves_the_rest() -> None:
    model = Tied()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = build_optimizer(model, OptimizerConfig(peak_lr=0.1, weight_decay=0.5))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    optimizer.step()
    after = dict(model.named_parameters())
    assert torch.allclose(after["dense.weight"], before["dense.weight"] * 0.95)
    for name in ("table.weight", "norm.weight", "dense.bias", "frozen.weight"):
        assert torch.equal(after[name], before[name])


@pytest.mark.parametrize("clip", [0.5, None])
def test_gradient_norm_is_of_before_and_bounded_after(clip: float | None) -> None:
    weights = [nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2, 2))]
    for weight in weights:
        weight.grad = torch.full_like(weight, 2.0)
    assert float(gradient_norm(weights, clip)) == pytest.approx(2.0 * 7**0.5)
    after = torch.cat([weight.grad.reshape(-1) for weight in weights]).norm()
    assert float(after) == pytest.approx(2.0 * 7**0.5 if clip is None else clip, rel=1e-4)


def test_schedule_of_a_resumed_run_follows_the_new_number_of_steps() -> None:
    schedule = ScheduleConfig(warmup_steps=0)

    def scheduler(max_steps: int) -> torch.optim.lr_scheduler.LambdaLR:
        optimizer = build_optimizer(nn.Linear(2, 2), OptimizerConfig(peak_lr=1.0))
        return build_scheduler(optimizer, schedule, max_steps)

    short, long, resumed = scheduler(10), scheduler(40), scheduler(40)
    for _ in range(5):
        short.optimizer.step()
        short.step()
    resumed.load_state_dict(short.state_dict())
    resumed.optimizer.step()
    resumed.step()
    for _ in range(6):
        long.optimizer.step()
        long.step()
    assert resumed.get_last_lr() == pytest.approx(long.get_last_lr())
