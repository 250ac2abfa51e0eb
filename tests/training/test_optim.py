"""Who decays, who moves, and how far."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from multiprot.errors import ConfigError
from multiprot.training.joint_optimizer import JointOptimizer
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


def test_muon_moves_the_matrices_of_the_model(parts: TrainingParts) -> None:
    module = nn.Module()
    module.model, module.objectives = parts.model, parts.objectives
    options = OptimizerConfig(name="muon", peak_lr=0.01, encoder_lr={"structure": 4.0})
    optimizer = build_optimizer(module, options)
    assert isinstance(optimizer, JointOptimizer)
    adamw, muon = optimizer.members
    moved = {id(p) for group in muon.param_groups for p in group["params"]}
    layers = {
        id(layer.weight)
        for layer in parts.model.modules()
        if isinstance(layer, nn.Linear) and layer.weight.requires_grad
    }
    assert layers <= moved
    assert not moved & {id(p) for p in parts.objectives.parameters()}
    rest = {id(p) for group in adamw.param_groups for p in group["params"]}
    assert moved.isdisjoint(rest)
    assert moved | rest == {id(p) for p in module.parameters() if p.requires_grad}
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert {rates[id(p)] for p in parts.model.structure.parameters()} == {0.04}
    assert optimizer.param_groups[0]["lr"] == 0.01


def test_muon_moves_all_directions_alike_and_as_far_as_adamw() -> None:
    """A gradient whose directions differ by a factor of twenty becomes one of equals."""
    torch.manual_seed(0)
    left, right = (torch.linalg.qr(torch.randn(n, 32))[0] for n in (48, 32))
    layer = nn.Linear(32, 48, bias=False)
    before = layer.weight.detach().clone()
    layer.weight.grad = left @ torch.diag(torch.linspace(20, 1, 32)) @ right.T
    options = OptimizerConfig(name="muon", peak_lr=0.01, weight_decay=0.0)
    build_optimizer(layer, options).step()
    update = (before - layer.weight.detach()) / 0.01
    sizes = torch.linalg.svdvals(update) / (0.2 * 48**0.5)
    # Newton-Schulz brings singular values near one, to about a third.
    assert float(sizes.max()) < 1.4
    assert float(sizes.min()) > 0.6


def test_a_joint_optimizer_goes_on_where_it_was_saved() -> None:
    def begun() -> tuple[nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), nn.LayerNorm(4))
        optimizer = build_optimizer(model, OptimizerConfig(name="muon", peak_lr=0.1))
        return model, optimizer, build_scheduler(optimizer, ScheduleConfig(warmup_steps=3), 8)

    def go(model: nn.Module, optimizer: Any, scheduler: Any, steps: range) -> None:
        for step in steps:
            torch.manual_seed(step)
            (model(torch.randint(5, (7,))) * torch.randn(7, 4)).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
            scheduler.step()

    whole = begun()
    go(*whole, range(8))
    first, second = begun(), begun()
    go(*first, range(3))
    second[0].load_state_dict(first[0].state_dict())
    second[1].load_state_dict(copy.deepcopy(first[1].state_dict()))
    second[2].load_state_dict(first[2].state_dict())
    go(*second, range(3, 8))
    for mine, right in zip(second[0].parameters(), whole[0].parameters(), strict=True):
        assert torch.equal(mine, right)
    rates = [[group["lr"] for group in each[1].param_groups] for each in (whole, second)]
    assert rates[0] == rates[1]


def test_a_torch_without_muon_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.optim, "Muon", raising=False)
    with pytest.raises(ConfigError, match=r"needs torch 2\.9.*or write adamw"):
        build_optimizer(nn.Linear(2, 2), OptimizerConfig(name="muon"))


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
