"""Real processes and real signals: a student's run goes on to the bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from multiprot.data.sequences import SequenceShards
from multiprot.training.checkpoint_files import list_checkpoints
from multiprot.training.logs import read_table
from tests.training.compare import equal, logs, state

STEPS = 60
PATIENCE = 300.0
RECIPE: dict[str, Any] = {
    "kind": "masked-sequence",
    "name": "killed",
    "model": {"width": 64, "layers": 1},
    "batch": {"tokens_per_batch": 256, "crop_residues": 40, "workers": 1},
    "schedule": {"warmup_steps": 5, "shape": "wsd"},
    "averaging": {"decay": 0.9},
    "trainer": {
        "max_steps": STEPS,
        "validate_every": 25,
        "checkpoint_every_steps": 10,
        "log_every": 1,
        "precision": "bf16-mixed",
        "accelerator": "cpu",
        "threads": 1,
    },
}

pytestmark = pytest.mark.long


@pytest.fixture
def recipe(shards: SequenceShards, tmp_path: Path) -> Path:
    path = tmp_path / "killed.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, "sequences": str(shards.path)}))
    return path


def start(what: str | Path, out: Path) -> subprocess.Popen[str]:
    """`multiprot pretrain WHAT --out OUT` in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "multiprot.cli.main", "pretrain", str(what), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str], code: int = 0) -> tuple[str, str]:
    told = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, told[1]
    return told


def wait_for_step(process: subprocess.Popen[str], run: Path, step: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(int(row["step"]) >= step for row in read_table(run / "logs" / "train.csv")):
        assert process.poll() is None, f"ended early: {process.communicate()[1]}"
        assert time.monotonic() < deadline, "no such step in time"
        time.sleep(0.02)


def assert_same_run(one: Path, other: Path) -> None:
    assert equal(state(one, STEPS), state(other, STEPS))
    tensors = [run / "model" / "model.safetensors" for run in (one, other)]
    assert tensors[0].read_bytes() == tensors[1].read_bytes()
    assert logs(one) == logs(other)


def test_killed_and_asked_to_end_it_goes_on_to_the_bit(recipe: Path, tmp_path: Path) -> None:
    finish(start(recipe, tmp_path / "straight"))
    broken = tmp_path / "broken"
    process = start(recipe, broken)
    wait_for_step(process, broken, 13)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (broken / "model").exists()
    process = start("--resume", broken)
    wait_for_step(process, broken, 32)
    process.send_signal(signal.SIGTERM)
    out, errors = finish(process, 128 + signal.SIGTERM)
    assert out == ""
    assert f"multiprot pretrain --resume --out {broken}" in errors
    assert "Traceback" not in errors
    last = int(list_checkpoints(broken / "checkpoints")[-1].name[5:13])
    assert last >= 32
    assert f"stopped after step {last}" in errors
    assert f"{STEPS} steps" in finish(start("--resume", broken))[0]
    assert_same_run(tmp_path / "straight", broken)
