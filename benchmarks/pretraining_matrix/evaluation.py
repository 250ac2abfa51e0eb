"""Every model on every task, as `multiprot evaluate` does it; nothing is done twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks.pretraining_matrix.pretraining import Job


class Rows(NamedTuple):
    """How much of each task is used: entries of proteins, and residues where they have labels."""

    train: int
    test: int
    residues: int
    test_residues: int
    seeds: int


def evaluate(job: Job, task: Path, probe: str, rows: Rows) -> float:
    """The primary metric of one model on the test split of one task.

    Parameters
    ----------
    job
        The model, pretrained.
    task
        Folder of the task.
    probe
        The simple model that is trained on its vectors.
    rows
        How much of the task is used.
    """
    out = job.folder / "evaluation" / task.name
    results = out / "results.json"
    # A run that failed writes its results, too, and `--resume` tries again.
    if not results.is_file() or json.loads(results.read_text())["failures"]:
        _run(job, out, task, probe, rows)
    scores = json.loads(results.read_text())["scores"]
    [value] = [each["value"] for each in scores if each["primary"] and each["split"] == "test"]
    return float(value)


def _run(job: Job, out: Path, task: Path, probe: str, rows: Rows) -> None:
    of_residues = json.loads((task / "task.json").read_text())["task_type"].startswith("residue")
    command = [sys.executable, "-m", "multiprot.cli.main", "evaluate", f"model={job.bundle}"]
    command += ["--tasks", str(task), "--out", str(out), "--probe", probe, "--precision", "bf16"]
    command += ["--seeds", str(rows.seeds), "--resamples", "100"]
    command += ["--max-rows", str(rows.train), "--max-residues", str(rows.residues)]
    command += ["--max-test-rows", str(rows.test_residues if of_residues else rows.test)]
    command += ["--resume"] if out.is_dir() else []
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{job.name}: {' '.join(command)}\n{done.stderr[-2000:]}")
