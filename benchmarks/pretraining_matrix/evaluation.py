"""Every model on every task, as `multiprot evaluate` does it; nothing is done twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
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


def evaluate(job: Job, probes: Mapping[str, str], tasks: Path, rows: Rows) -> dict[str, float]:
    """Task -> primary metric on its test split, of one model.

    Parameters
    ----------
    job
        The model, pretrained.
    probes
        Task -> probe.
    tasks
        The folder that they lie in.
    rows
        How much of them is used.

    Returns
    -------
    dict
    """
    scores: dict[str, float] = {}
    for group, names in _alike(probes, tasks).items():
        out = job.folder / "evaluation" / "-".join(group)
        if not (out / "results.json").is_file():
            _run(job, out, group, [tasks / name for name in names], rows)
        results = json.loads((out / "results.json").read_text())
        scores |= {
            score["task"]: score["value"]
            for score in results["scores"]
            if score["primary"] and score["split"] == "test"
        }
    return scores


def _alike(probes: Mapping[str, str], tasks: Path) -> dict[tuple[str, str], list[str]]:
    """(probe, "residues" or "proteins") -> tasks that one command can do."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, probe in probes.items():
        kind = json.loads((tasks / name / "task.json").read_text())["task_type"]
        groups[probe, "residues" if kind.startswith("residue") else "proteins"].append(name)
    return groups


def _run(job: Job, out: Path, group: tuple[str, str], folders: Sequence[Path], rows: Rows) -> None:
    probe, items = group
    command = [sys.executable, "-m", "multiprot.cli.main", "evaluate", f"model={job.bundle}"]
    for folder in folders:
        command += ["--tasks", str(folder)]
    command += ["--out", str(out), "--probe", probe, "--precision", "bf16"]
    command += ["--seeds", str(rows.seeds), "--resamples", "100"]
    command += ["--max-rows", str(rows.train), "--max-residues", str(rows.residues)]
    test = rows.test_residues if items == "residues" else rows.test
    command += ["--max-test-rows", str(test), *(["--resume"] if out.is_dir() else [])]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{job.name}: {' '.join(command)}\n{done.stderr[-2000:]}")
