"""A run is the same run, however often it was interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from multiprot.errors import TrainingError
from multiprot.finetuning import FineTuneRun, finetune
from multiprot.training.callbacks.interruption import TrainingInterrupted
from multiprot.training.checkpoint_files import list_checkpoints
from multiprot.training.finetune.watch import Look
from multiprot.training.logs import read_table
from tests.finetuning.conftest import TINY_ESM, MakeRun
from tests.finetuning.planted import write_task

PATIENCE = 300.0
SAME = (
    "bundle/model.safetensors",
    "bundle/prediction.safetensors",
    "logs/train.csv",
    "logs/valid.csv",
)


class AbortedError(Exception):
    """Stands for a crash."""


def at_look(number: int, how: Callable[[], None]) -> Callable[[Look], None]:
    seen: list[Look] = []

    def on_look(look: Look) -> None:
        seen.append(look)
        if len(seen) == number:
            how()

    return on_look


def crash() -> None:
    raise AbortedError


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def assert_same(one: FineTuneRun, other: FineTuneRun, names: tuple[str, ...] = SAME) -> None:
    for name in names:
        assert (one.out / name).read_bytes() == (other.out / name).read_bytes(), name


@pytest.mark.parametrize(
    ("task_type", "given"),
    [
        ("regression", {"mode": "full", "dropout": 0.3, "checkpoint_every": 4}),
        ("pair_binary", {"mode": "frozen", "dropout": 0.3, "hidden": 4, "checkpoint_every": 3}),
        ("residue_binary", {"mode": "full", "checkpoint_every": 2, "patience": 2}),
    ],
)
def test_resumed_run_equals_the_uninterrupted_one_to_the_bit(
    make_run: MakeRun, tmp_path: Path, task_type: str, given: dict[str, object]
) -> None:
    task = write_task(tmp_path / "task", task_type)
    straight, broken = (make_run(task, name, **given) for name in ("straight", "broken"))
    finetune(straight)
    with pytest.raises(AbortedError):
        finetune(broken, on_look=at_look(2, crash))
    assert list_checkpoints(broken.out / "checkpoints")
    finetune(broken, resume=True)
    assert_same(straight, broken)


def test_a_run_killed_before_its_first_checkpoint_begins_again(
    make_run: MakeRun, tmp_path: Path
) -> None:
    task = write_task(tmp_path / "task", "binary")
    given = {"model": "esm2", "encoder_options": TINY_ESM, "mode": "lora"}
    straight, broken = (make_run(task, name, **given) for name in ("straight", "broken"))
    finetune(straight)
    with pytest.raises(AbortedError):
        finetune(broken, on_look=at_look(1, crash))
    assert not list_checkpoints(broken.out / "checkpoints")
    finetune(broken, resume=True)
    assert_same(straight, broken, (*SAME, "bundle/adapters.safetensors"))


def test_a_run_killed_between_its_end_and_its_bundle_takes_no_further_step(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = write_task(tmp_path / "task", "binary")
    given = {"epochs": 50, "patience": 2, "validate_every": 1, "checkpoint_every": 1000}
    straight, broken = (make_run(task, name, **given) for name in ("straight", "broken"))
    assert finetune(straight)["stopped_early"]
    with monkeypatch.context() as patched:
        patched.setattr("multiprot.finetuning.run.measured", lambda *given: crash())
        with pytest.raises(AbortedError):
            finetune(broken)
    finetune(broken, resume=True)
    assert_same(straight, broken)


def test_ctrl_c_leaves_a_checkpoint(make_run: MakeRun, tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", "binary")
    straight, stopped = (make_run(task, name, mode="full") for name in ("straight", "stopped"))
    finetune(straight)
    with pytest.raises(TrainingInterrupted) as stop:
        finetune(stopped, on_look=at_look(1, press_ctrl_c))
    (checkpoint,) = list_checkpoints(stopped.out / "checkpoints")
    assert checkpoint.name == f"step-{stop.value.step:08d}.ckpt"
    finetune(stopped, resume=True)
    assert_same(straight, stopped)


def test_another_command_is_not_gone_on_with(make_run: MakeRun, tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", "binary")
    run = make_run(task, head_lr=0.05)
    with pytest.raises(TrainingError, match="no run to resume"):
        finetune(run, resume=True)
    with pytest.raises(AbortedError):
        finetune(run, on_look=at_look(1, crash))
    with pytest.raises(TrainingError, match=r"options\.head_lr was 0\.05 and is 0\.01"):
        finetune(make_run(task, head_lr=0.01), resume=True)
    text = (task / "data.csv").read_text()
    (task / "data.csv").write_text(text.replace("e0,", "renamed,"))
    with pytest.raises(TrainingError, match="task_content_hash was"):
        finetune(run, resume=True)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["frozen", "full"])
def test_a_run_killed_twice_goes_on_to_the_bit(
    tiny_bundle: Path, tmp_path: Path, mode: str
) -> None:
    task = write_task(tmp_path / "task", "regression")

    def start(out: Path, *more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "multiprot.cli.main", "finetune"]
        command += [str(tiny_bundle), str(task), "--out", str(out), "--mode", mode]
        command += ["--epochs", "20", "--dropout", "0.2", "--checkpoint-every", "9"]
        return subprocess.Popen(
            [*command, "--patience", "100", "--log-every", "1", *more],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )

    straight = start(tmp_path / "straight")
    assert straight.wait(PATIENCE) == 0
    broken = tmp_path / "broken"
    for number, step in enumerate((12, 31)):
        process = start(broken, *(["--resume"] if number else []))
        deadline = time.monotonic() + PATIENCE
        while not any(int(r["step"]) >= step for r in read_table(broken / "logs" / "train.csv")):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.communicate()
        assert not (broken / "results.json").exists()
    assert start(broken, "--resume").wait(PATIENCE) == 0
    for name in SAME:
        assert (tmp_path / "straight" / name).read_bytes() == (broken / name).read_bytes(), name
