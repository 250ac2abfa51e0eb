"""Every model on every task, as `multiprot evaluate` does it; nothing is done twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.massa_ablation.pretraining import Job


class Rows(NamedTuple):
    """How much of each task is used."""

    train: int
    test: int
    residues: int
    seeds: int


def evaluate(job: Job, tasks: Sequence[Path], rows: Rows) -> dict[str, float]:
    """Task -> primary metric on its test split, of one model."""
    out = job.folder / "evaluation"
    if not (out / "results.json").is_file():
        command = [sys.executable, "-m", "multiprot.cli.main", "evaluate", f"model={job.bundle}"]
        for task in tasks:
            command += ["--tasks", str(task)]
        command += ["--out", str(out), "--seeds", str(rows.seeds), "--resamples", "100"]
        command += ["--max-rows", str(rows.train), "--max-test-rows", str(rows.test)]
        command += ["--max-residues", str(rows.residues)]
        command += ["--resume"] if out.is_dir() else []
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{job.name}: {' '.join(command)}\n{done.stderr[-2000:]}")
    results = json.loads((out / "results.json").read_text())
    return {
        score["task"]: score["value"]
        for score in results["scores"]
        if score["primary"] and score["split"] == "test"
    }
