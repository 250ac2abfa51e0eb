"""RAdam, and slow weights that follow an optimizer's: against plain lines, saved, scheduled."""

from __future__ import annotations

import copy
import math
import sys
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer, RAdam
from torch.optim.lr_scheduler import LambdaLR

from multiprot.errors import ConfigError
from multiprot.training.joint_optimizer import JointOptimizer
from multiprot.training.optim import build_optimizer, build_scheduler
from multiprot.training.settings import LookaheadConfig, OptimizerConfig, ScheduleConfig

STEPS = 12
RATE = 0.05
HAS_MUON = hasattr(torch.optim, "Muon")


def options(name: str, lookahead: LookaheadConfig | None = None, **changes: Any) -> OptimizerConfig:
    settings = {"name": name, "peak_lr": RATE, "weight_decay": 0.1, "lookahead": lookahead}
    return OptimizerConfig.model_validate({**settings, **changes})


def make_module() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 2))


def give_gradients(module: nn.Module, step: int) -> None:
    """Gradients that depend on the weights, the same at the same step."""
    rng = torch.Generator().manual_seed(step)
    module.zero_grad()
    rows = torch.randint(5, (7,), generator=rng)
    (module(rows) * torch.randn(7, 2, generator=rng)).square().sum().backward()


def weights_of(module: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def trained(module: nn.Module, optimizer: Optimizer, steps: range) -> list[Tensor]:
    for step in steps:
        give_gradients(module, step)
        optimizer.step()
    return weights_of(module)


def test_radam_is_the_published_one() -> None:
    """Liu et al. 2020: steps without variance until its estimate is worth something."""
    beta, gamma, epsilon = 0.9, 0.99, 1e-8
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    module = nn.ParameterList([weight])
    optimizer = build_optimizer(
        module, options("radam", betas=(beta, gamma), epsilon=epsilon, weight_decay=0.0)
    )
    expected, first, second = [1.0, -2.0], [0.0, 0.0], [0.0, 0.0]
    longest = 2 / (1 - gamma) - 1
    rectified = 0
    for step in range(1, STEPS + 1):
        gradient = [math.sin(step), 3.0 + step]
        weight.grad = torch.tensor(gradient)
        optimizer.step()
        length = longest - 2 * step * gamma**step / (1 - gamma**step)
        for i, g in enumerate(gradient):
            first[i] = beta * first[i] + (1 - beta) * g
            second[i] = gamma * second[i] + (1 - gamma) * g * g
            update = first[i] / (1 - beta**step)
            if length > 5:
                rectified += 1
                top = (length - 4) * (length - 2) * longest
                bottom = (longest - 4) * (longest - 2) * length
                spread = (math.sqrt(second[i]) + epsilon) / math.sqrt(1 - gamma**step)
                update *= math.sqrt(top / bottom) / spread
            expected[i] -= RATE * update
        assert weight.tolist() == pytest.approx(expected, rel=1e-5)
    assert 0 < rectified < 2 * STEPS


def test_radam_decays_matrices_apart_from_the_gradient() -> None:
    module = make_module()
    before = dict(zip(dict(module.named_parameters()), weights_of(module), strict=True))
    optimizer = build_optimizer(module, options("radam", betas=(0.9, 0.99)))
    assert type(optimizer) is RAdam
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    # A decay that is part of the gradient looks the same while steps are without variance.
    for _ in range(STEPS):
        optimizer.step()
    for name, parameter in module.named_parameters():
        decayed = name in ("1.weight", "3.weight")
        share = (1 - RATE * 0.1) ** STEPS if decayed else 1.0
        torch.testing.assert_close(parameter.detach(), before[name] * share)


@pytest.mark.parametrize("name", ["adamw", "radam"])
@pytest.mark.parametrize(("every", "alpha"), [(5, 0.5), (1, 0.3), (4, 0.95), (6, 0.8)])
def test_slow_weights_are_those_of_plain_lines(name: str, every: int, alpha: float) -> None:
    """Zhang et al. 2019: after `every` steps, slow += alpha · (fast − slow), and fast = slow."""
    module, plain = make_module(), make_module()
    optimizer = build_optimizer(
        module, options(name, LookaheadConfig(steps=every, alpha=alpha), epsilon=1e-6)
    )
    fast = build_optimizer(plain, options(name, epsilon=1e-6))
    slow = weights_of(plain)
    for step in range(STEPS):
        trained(module, optimizer, range(step, step + 1))
        trained(plain, fast, range(step, step + 1))
        if (step + 1) % every == 0:
            with torch.no_grad():
                for number, parameter in enumerate(plain.parameters()):
                    slow[number] = slow[number] + alpha * (parameter - slow[number])
                    parameter.copy_(slow[number])
        for mine, right in zip(module.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(mine, right, rtol=1e-4, atol=1e-5)


def test_without_slow_weights_the_way_is_another() -> None:
    plain, followed = make_module(), make_module()
    fast = trained(plain, build_optimizer(plain, options("radam")), range(STEPS))
    slow = build_optimizer(followed, options("radam", LookaheadConfig(steps=5, alpha=0.5)))
    first = trained(followed, slow, range(4))
    assert all(map(torch.equal, first, weights_after(4)))
    last = trained(followed, slow, range(4, STEPS))
    assert not any(map(torch.equal, last, fast))


def weights_after(steps: int) -> list[Tensor]:
    module = make_module()
    return trained(module, build_optimizer(module, options("radam")), range(steps))


Run = tuple[nn.Module, Optimizer, LambdaLR]


def begun(name: str) -> Run:
    module = make_module()
    optimizer = build_optimizer(module, options(name, LookaheadConfig(steps=5, alpha=0.5)))
    return module, optimizer, build_scheduler(optimizer, ScheduleConfig(warmup_steps=3), STEPS)


def go(run: Run, steps: range) -> None:
    module, optimizer, scheduler = run
    for step in steps:
        give_gradients(module, step)
        optimizer.step()
        scheduler.step()


NAMES = [
    "adamw",
    "radam",
    pytest.param("muon", marks=pytest.mark.skipif(not HAS_MUON, reason="torch without Muon")),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("saved_after", [3, 5, 7])
def test_a_saved_run_goes_on_bit_for_bit(name: str, saved_after: int, tmp_path: Any) -> None:
    """Between two moves of the slow weights, at one, and after; through a file."""
    whole, first, second = (begun(name) for _ in range(3))
    go(whole, range(STEPS))
    go(first, range(saved_after))
    torch.save([part.state_dict() for part in first], tmp_path / "state.pt")
    states = torch.load(tmp_path / "state.pt", weights_only=True)
    for number, state in enumerate(states):
        second[number].load_state_dict(state)
    go(second, range(saved_after, STEPS))
    for mine, right in zip(second[0].parameters(), whole[0].parameters(), strict=True):
        assert torch.equal(mine, right)
    rates = [[group["lr"] for group in run[1].param_groups] for run in (whole, second)]
    assert rates[0] == rates[1]


@pytest.mark.parametrize("name", NAMES)
def test_what_was_saved_is_not_moved_by_further_steps(name: str) -> None:
    run = begun(name)
    go(run, range(3))
    saved = copy.deepcopy(run[1].state_dict())
    again = begun(name)
    again[1].load_state_dict(saved)
    before = copy.deepcopy(saved)
    go(again, range(3, STEPS))
    for key, state in before["lookahead_state"].items():
        for part, value in state.items():
            assert torch.equal(saved["lookahead_state"][key][part], value)


@pytest.mark.parametrize("name", NAMES)
def test_the_schedule_sets_the_rates_of_the_optimizer_within(name: str) -> None:
    run, bare_module = begun(name), make_module()
    bare = build_optimizer(bare_module, options(name))
    schedule = build_scheduler(bare, ScheduleConfig(warmup_steps=3), STEPS)
    plain: Run = (bare_module, bare, schedule)
    seen = []
    for step in range(STEPS):
        rates = [[group["lr"] for group in each[1].param_groups] for each in (run, plain)]
        assert rates[0] == rates[1]
        assert run[2].get_last_lr() == rates[0]
        seen.append(rates[0][0])
        go(run, range(step, step + 1))
        go(plain, range(step, step + 1))
    assert max(seen) == pytest.approx(RATE)
    assert seen[0] < seen[1] < seen[2]
    assert seen[-1] < 0.3 * RATE


@pytest.mark.skipif(not HAS_MUON, reason="torch without Muon")
def test_slow_weights_follow_muon_and_what_stands_beside_it() -> None:
    module, plain = make_module(), make_module()
    optimizer = build_optimizer(module, options("muon", LookaheadConfig(steps=5, alpha=0.5)))
    fast = build_optimizer(plain, options("muon"))
    assert isinstance(fast, JointOptimizer)
    start = weights_of(plain)
    after = trained(plain, fast, range(5))
    followed = trained(module, optimizer, range(5))
    for begin, end, mine in zip(start, after, followed, strict=True):
        torch.testing.assert_close(mine, begin + 0.5 * (end - begin), rtol=1e-4, atol=1e-6)
        assert not torch.equal(begin, end)


def test_encoders_keep_their_own_rates_behind_slow_weights() -> None:
    module = nn.Module()
    module.model = nn.Module()
    module.model.structure, module.model.rest = nn.Linear(3, 3), nn.Linear(3, 3)
    optimizer = build_optimizer(
        module, options("radam", LookaheadConfig(), encoder_lr={"structure": 0.5})
    )
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert {rates[id(p)] for p in module.model.structure.parameters()} == {RATE * 0.5}
    assert {rates[id(p)] for p in module.model.rest.parameters()} == {RATE}


def test_the_loss_of_a_closure_is_handed_on() -> None:
    """Lightning steps with a closure that computes loss and gradients."""
    module = make_module()
    calls: list[int] = []
    optimizer = build_optimizer(module, options("radam", LookaheadConfig(steps=2)))
    before = weights_of(module)

    def closure() -> float:
        give_gradients(module, len(calls))
        calls.append(len(calls))
        return 7.0 + len(calls)

    assert [optimizer.step(closure) for _ in range(3)] == [8.0, 9.0, 10.0]
    assert not any(map(torch.equal, before, weights_of(module)))


def test_without_the_option_nothing_stands_between() -> None:
    assert type(build_optimizer(make_module(), options("adamw"))) is AdamW
    assert type(build_optimizer(make_module(), options("radam"))) is RAdam


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytorch_optimizer", None)
    build_optimizer(make_module(), options("radam"))
    with pytest.raises(ConfigError, match=r"needs pytorch-optimizer.*multiprot\[lookahead\]"):
        build_optimizer(make_module(), options("radam", LookaheadConfig()))


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"alpha": 0.0}, {"alpha": 1.5}])
def test_unfit_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        LookaheadConfig.model_validate(wrong)
