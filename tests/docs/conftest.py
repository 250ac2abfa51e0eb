"""A folder as a reader has it after the first command of the tutorial, with a tiny model in it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

TINY = (
    *("corpus.synthetic.families=4", "corpus.synthetic.proteins_per_family=6"),
    *("trainer.max_steps=4", "trainer.validate_every=2", "trainer.checkpoint_every_steps=2"),
    *("trainer.log_every=2", "trainer.validation_batches=1", "schedule.warmup_steps=1"),
    *("batch.tokens_per_batch=512", "batch.crop_residues=64", "batch.go_min_proteins=1"),
    *("model.sequence.options.layers=1", "model.structure.options.layers=1"),
)
"""The quickstart recipe, cut down to seconds."""


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quickstart run of four steps; made once, also where several workers want it."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    run = base / "docs-quickstart"
    with (base / "docs-quickstart.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not run.exists():
            program = str(Path(sys.executable).parent / "multiprot")
            command = [program, "pretrain", *TINY, "--out", str(run)]
            environment = {"OMP_NUM_THREADS": "1", **os.environ}
            subprocess.run(command, check=True, capture_output=True, env=environment)
    return run


@pytest.fixture
def workplace(tmp_path: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that a page's blocks run in; Python's path and modules are put back after it."""
    shutil.copytree(tiny_run, tmp_path / "runs" / "quickstart")
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    for name in ("configs", "scripts", "benchmarks"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
