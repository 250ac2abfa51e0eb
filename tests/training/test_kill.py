"""The same as test_resume, with real processes and real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from multiprot.config import ResolvedConfig
from multiprot.training.checkpoint_files import list_checkpoints
from multiprot.training.config import PretrainConfig
from multiprot.training.logs import read_table
from tests.training.compare import assert_same_run

Recipe = Callable[..., ResolvedConfig[PretrainConfig]]
STEPS = 60
PATIENCE = 300.0
TWO_PROCESSES = ("trainer.devices=2", "trainer.strategy=ddp", "batch.tokens_per_batch=128")

pytestmark = pytest.mark.long


@pytest.fixture
def start(recipe: Recipe, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start `multiprot pretrain` in a process group of its own."""

    def run(out: Path, *overrides: str, resume: bool = False) -> subprocess.Popen[str]:
        path = tmp_path / "recipe.yaml"
        path.write_text(recipe(f"trainer.max_steps={STEPS}", *overrides).to_yaml(origins=False))
        what = ["--resume"] if resume else [str(path)]
        return subprocess.Popen(
            [sys.executable, "-m", "multiprot.cli.main", "pretrain", *what, "--out", str(out)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )

    return run


def wait_for_step(process: subprocess.Popen[str], run: Path, step: int) -> None:
    """Wait until the log has a row of `step` or later."""
    deadline = time.monotonic() + PATIENCE
    while not any(int(row["step"]) >= step for row in read_table(run / "logs" / "train.csv")):
        if process.poll() is not None:
            raise AssertionError(f"ended early: {process.communicate()[1]}")
        if time.monotonic() > deadline:
            raise AssertionError("no such step in time")
        time.sleep(0.02)


def finish(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    return out


@pytest.mark.parametrize("overrides", [(), ("batch.workers=1",), TWO_PROCESSES])
def test_killed_run_goes_on_to_the_bit(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    finish(start(tmp_path / "straight", *overrides))
    broken = tmp_path / "broken"
    for number, step in enumerate((13, 37)):
        process = start(broken, *overrides, resume=number > 0)
        wait_for_step(process, broken, step)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert not (broken / "bundle").exists()
    assert "60 steps" in finish(start(broken, resume=True))
    assert_same_run(tmp_path / "straight", broken, STEPS)


@pytest.mark.parametrize(
    ("number", "overrides"),
    [
        (signal.SIGINT, ("batch.workers=1",)),
        (signal.SIGTERM, ()),
        (signal.SIGINT, TWO_PROCESSES),
    ],
)
def test_signal_leaves_a_checkpoint_and_says_how_to_go_on(
    start: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
    number: signal.Signals,
    overrides: tuple[str, ...],
) -> None:
    run = tmp_path / "run"
    process = start(run, *overrides)
    wait_for_step(process, run, 8)
    # A terminal sends Ctrl-C to all processes of the group; a cluster asks the first to end.
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    out, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number, errors
    assert out == ""
    assert "--resume --out" in errors
    assert "Traceback" not in errors
    last = list_checkpoints(run / "checkpoints")[-1].name
    assert f"stopped after step {int(last[5:13])}" in errors
    finish(start(run, resume=True))
    straight = tmp_path / "straight"
    finish(start(straight, *overrides))
    assert_same_run(straight, run, STEPS)
