"""What happens around the steps."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import nn

from multiprot.training.callbacks.averaging import WeightAverage
from multiprot.training.callbacks.boundary import BoundaryCallback
from multiprot.training.callbacks.progress import ProgressBar
from multiprot.training.callbacks.reports import Reports
from multiprot.training.callbacks.timing import PHASES, LastLap, Stopwatch


@dataclass
class State:
    fn: str = "fit"


@dataclass
class StandIn:
    """What callbacks ask of a trainer."""

    global_step: int = 0
    max_steps: int = 6
    val_check_interval: int = 1000
    accumulate_grad_batches: int = 1
    enable_validation: bool = True
    is_global_zero: bool = True
    state: State = field(default_factory=State)
    loggers: list[Any] = field(default_factory=list)


class Recorder:
    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, float]]] = []

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        self.rows.append((step, metrics))


def step(callback: Any, trainer: StandIn, module: Any, number: int) -> None:
    trainer.global_step = number
    callback.on_train_batch_end(trainer, module, None, None, 0)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_average_follows_its_definition(decay: float) -> None:
    module, trainer = nn.Linear(2, 2), StandIn()
    callback = WeightAverage(decay)
    callback.on_fit_start(trainer, module)
    expected = module.weight.detach().clone()
    for number in range(1, 30):
        with torch.no_grad():
            module.weight.add_(torch.randn(2, 2))
        step(callback, trainer, module, number)
        kept = min(decay, (1 + number) / (10 + number))
        expected = kept * expected + (1 - kept) * module.weight.detach()
    assert torch.allclose(callback.average["weight"], expected, atol=1e-5)


def test_average_moves_once_per_optimizer_step() -> None:
    module, trainer = nn.Linear(2, 2), StandIn()
    callback = WeightAverage(0.5)
    callback.on_fit_start(trainer, module)
    with torch.no_grad():
        module.weight.add_(1.0)
    step(callback, trainer, module, 1)
    once = callback.average["weight"].clone()
    step(callback, trainer, module, 1)
    assert torch.equal(callback.average["weight"], once)


def test_average_is_lent_to_validation_and_given_back_to_the_bit() -> None:
    module, trainer = nn.Linear(3, 3), StandIn()
    callback = WeightAverage(0.9)
    callback.on_fit_start(trainer, module)
    with torch.no_grad():
        module.weight.mul_(3.0)
    step(callback, trainer, module, 1)
    weight, average = module.weight.detach().clone(), callback.average["weight"].clone()
    callback.on_validation_start(trainer, module)
    assert torch.equal(module.weight, average)
    callback.on_validation_end(trainer, module)
    assert torch.equal(module.weight, weight)
    assert torch.equal(callback.average["weight"], average)
    callback.on_validation_start(trainer, module)
    callback.on_exception(trainer, module, KeyboardInterrupt())
    assert torch.equal(module.weight, weight)
    callback.install(module)
    assert torch.equal(module.weight, average)


def test_average_comes_back_from_its_state() -> None:
    module, trainer = nn.Linear(2, 2), StandIn()
    callback = WeightAverage(0.9)
    callback.on_fit_start(trainer, module)
    step(callback, trainer, module, 1)
    again = WeightAverage(0.9)
    again.load_state_dict(callback.state_dict())
    again.on_fit_start(trainer, nn.Linear(2, 2))
    assert torch.equal(again.average["weight"], callback.average["weight"])


class Boundaries(BoundaryCallback):
    def __init__(self) -> None:
        super().__init__()
        self.steps: list[int] = []

    def on_boundary(self, trainer: Any, module: Any) -> None:
        self.steps.append(trainer.global_step)


def test_boundary_comes_once_per_step_and_after_validation() -> None:
    trainer = StandIn(val_check_interval=4, accumulate_grad_batches=2)
    callback = Boundaries()
    callback.on_train_start(trainer, None)
    for number in (0, 1, 1, 2):
        step(callback, trainer, None, number)
    assert callback.steps == [1]
    callback.on_validation_end(trainer, None)
    assert callback.steps == [1, 2]
    step(callback, trainer, None, 2)
    step(callback, trainer, None, 3)
    assert callback.steps == [1, 2, 3]


def test_resumed_run_has_no_boundary_before_its_first_step() -> None:
    trainer = StandIn(global_step=5)
    callback = Boundaries()
    callback.on_train_start(trainer, None)
    step(callback, trainer, None, 5)
    assert callback.steps == []


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Batch:
    residue_mask: torch.Tensor


def test_stopwatch_tells_phases_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, trainer = Clock(), StandIn()
    monkeypatch.setattr("multiprot.training.callbacks.timing.time.perf_counter", clock)
    watch = Stopwatch(warm_up_batches=1)
    last = LastLap(watch)
    batch = Batch(torch.tensor([[True, True, False], [True, True, True]]))
    watch.on_train_start(trainer, None)
    for _ in range(3):
        clock.now += 1.0
        watch.on_train_batch_start(trainer, None, batch, 0)
        clock.now += 2.0
        watch.on_before_backward(trainer, None, torch.zeros(()))
        clock.now += 3.0
        watch.on_after_backward(trainer, None)
        clock.now += 4.0
        watch.on_train_batch_end(trainer, None, None, batch, 0)
        clock.now += 5.0
        last.on_train_batch_end(trainer, None, None, batch, 0)
    watch.on_validation_start(trainer, None)
    clock.now += 1000.0
    watch.on_validation_end(trainer, None)
    last.on_validation_end(trainer, None)
    report = watch.report()
    # Two counted batches, and what the callbacks did after the warm-up batch.
    assert [watch.seconds[phase] for phase in PHASES] == [2.0, 4.0, 6.0, 8.0, 15.0]
    assert report["residues_per_second"] == pytest.approx(10 / 35)
    assert report["padding_share"] == pytest.approx(1 / 6)
    assert sum(report[f"{phase}_share"] for phase in PHASES) == pytest.approx(1.0)


def test_stopwatch_without_batches_reports_nothing() -> None:
    assert Stopwatch().report() == {}


class Measured:
    def __init__(self) -> None:
        self.latest: dict[str, float] = {}
        self.valid = {"loss": 2.5}

    def take_step_metrics(self) -> dict[str, float]:
        self.latest = {"loss": 1.5}
        return {"loss": 1.5, "learning_rate": 0.1}


def test_reports_come_every_so_many_steps_and_at_the_last() -> None:
    recorder, module = Recorder(), Measured()
    trainer = StandIn(max_steps=5, loggers=[recorder])
    callback = Reports(Stopwatch(), every=2)
    callback.on_train_start(trainer, module)
    for number in (1, 1, 2, 2, 3, 4, 5):
        step(callback, trainer, module, number)
    assert [number for number, _ in recorder.rows] == [2, 4, 5]
    assert recorder.rows[0][1]["train/learning_rate"] == 0.1


@pytest.mark.parametrize(
    ("fn", "global_step", "rows"), [("fit", 4, 1), ("validate", 0, 1), ("validate", 4, 0)]
)
def test_last_look_at_the_whole_split_is_no_row(fn: str, global_step: int, rows: int) -> None:
    recorder = Recorder()
    trainer = StandIn(global_step=global_step, state=State(fn), loggers=[recorder])
    Reports(Stopwatch(), every=1).on_validation_end(trainer, Measured())
    assert len(recorder.rows) == rows


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_shows_steps_and_losses(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiprot.training.callbacks.progress._SECONDS_BETWEEN_LINES", 0.0)
    shown = io.StringIO()
    bar = ProgressBar(Console(file=shown, force_terminal=terminal, width=100))
    trainer, module = StandIn(), Measured()
    bar.on_train_start(trainer, module)
    step(bar, trainer, module, 1)
    module.take_step_metrics()
    step(bar, trainer, module, 2)
    bar.on_validation_end(trainer, module)
    bar.on_train_end(trainer, module)
    text = shown.getvalue()
    assert "2/6" in text
    assert "loss 1.500" in text
    assert "valid loss 2.500" in text
    assert "nan" not in text


def test_progress_of_other_processes_is_silent() -> None:
    shown = io.StringIO()
    bar = ProgressBar(Console(file=shown, force_terminal=True))
    trainer, module = StandIn(is_global_zero=False), Measured()
    bar.on_train_start(trainer, module)
    step(bar, trainer, module, 1)
    bar.on_validation_end(trainer, module)
    bar.on_exception(trainer, module, RuntimeError())
    assert shown.getvalue() == ""
