"""A comparison finds what was planted, keeps what is finished, and survives what fails."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from multiprot.cli.main import app, main
from tests.evaluation.comparison.planted import ENTRIES, planted_rows, planted_vectors, store
from tests.evaluation.tasks.folders import proteins, write_task

QUICK = ("--resamples", "50")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tasks, a store that holds their answer and one that does not."""
    place = tmp_path_factory.mktemp("comparison")
    store(place / "right", planted_vectors())
    store(place / "wrong", planted_vectors(seed=1))
    write_task(place / "tasks" / "numbers", planted_rows("regression"))
    write_task(place / "tasks" / "either", planted_rows("binary"), "binary", "auroc")
    write_task(place / "tasks" / "kinds", planted_rows("multiclass"), "multiclass", "accuracy")
    return place


def evaluate(place: Path, out: Path, *more: str) -> int:
    models = [str(place / "right"), str(place / "wrong")]
    tasks = ("--tasks", str(place / "tasks"), "--out", str(out))
    return main(["evaluate", *models, *tasks, *QUICK, *more])


@pytest.fixture(scope="module")
def results(place: Path) -> dict[str, Any]:
    assert evaluate(place, place / "out", "--probe", "linear", "--probe", "knn") == 0
    told: dict[str, Any] = json.loads((place / "out" / "results.json").read_text())
    return told


def primary(results: dict[str, Any], probe: str = "linear") -> dict[tuple[str, str], float]:
    rows = [row for row in results["scores"] if row["primary"] and row["probe"] == probe]
    return {(row["model"], row["task"]): row["value"] for row in rows}


def test_what_was_planted_is_found(results: dict[str, Any]) -> None:
    found = primary(results)
    assert found["right", "numbers"] > 0.999
    assert found["right", "either"] > 0.99
    assert found["right", "kinds"] > 0.85
    assert abs(found["wrong", "numbers"]) < 0.4
    assert 0.2 < found["wrong", "either"] < 0.8


def test_the_best_is_better_beyond_chance(results: dict[str, Any]) -> None:
    rows = [row for row in results["comparisons"] if row["probe"] == "linear"]
    assert {row["task"] for row in rows} == {"numbers", "either", "kinds"}
    for row in rows:
        assert (row["best"], row["model"]) == ("right", "wrong")
        assert row["difference"]["value"] > 0.2
        assert row["p_value"] <= row["p_value_holm"] < 0.1


def test_tables_agree(place: Path, results: dict[str, Any]) -> None:
    with (place / "out" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    values = [float(row["value"]) if row["value"] else None for row in rows]
    assert values == [row["value"] for row in results["scores"]]
    assert None not in [row["value"] for row in results["scores"] if row["primary"]]
    assert {row["exposure"] for row in rows} == {"unknown"}
    assert {row["rows"] for row in rows} == {str(ENTRIES // 4)}


def test_nothing_finished_is_made_again(place: Path, results: dict[str, Any]) -> None:
    cells = sorted((place / "out" / "cells").glob("*/*"))
    before = {path: path.stat().st_mtime_ns for path in cells}
    probes = ("--probe", "linear", "--probe", "knn")
    assert evaluate(place, place / "out", *probes) == 2
    assert evaluate(place, place / "out", *probes, "--resume") == 0
    assert {path: path.stat().st_mtime_ns for path in cells} == before
    assert json.loads((place / "out" / "results.json").read_text()) == results


def test_other_options_are_another_comparison(
    place: Path, results: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(place, place / "out", "--probe", "linear", "--resume") == 2
    assert "was begun with probes = ['linear', 'knn'], not ['linear']" in capsys.readouterr().err


def test_a_changed_task_is_scored_again(place: Path, tmp_path: Path) -> None:
    tasks = tmp_path / "tasks"
    folder = write_task(tasks / "numbers", planted_rows("regression"))
    command = [
        "evaluate",
        str(place / "right"),
        "--tasks",
        str(tasks),
        "--out",
        str(tmp_path / "o"),
    ]
    assert main([*command, *QUICK]) == 0
    rng = np.random.default_rng(0)
    rows = [row | {"target": f"{rng.normal():.4f}"} for row in planted_rows("regression")]
    write_task(folder, rows)
    assert main([*command, *QUICK, "--resume"]) == 0
    told = json.loads((tmp_path / "o" / "results.json").read_text())
    assert abs(primary(told)["right", "numbers"]) < 0.5


def test_one_failure_costs_one_cell(place: Path, tmp_path: Path) -> None:
    """A broken task, a constant one, a store that lacks some proteins, and one that lacks all."""
    tasks = tmp_path / "tasks"
    write_task(tasks / "good", planted_rows("regression"))
    write_task(tasks / "broken", proteins(target=lambda n: "warm"))
    constant = [row | {"target": "1"} for row in planted_rows("regression")]
    write_task(tasks / "constant", constant)
    half = planted_vectors()[: ENTRIES // 2]
    some = [row["sequence"] for row in planted_rows("regression")][: ENTRIES // 2]
    store(tmp_path / "half", half, some)
    store(tmp_path / "none", half[:3], ["MKV", "MKL", "MKI"])
    models = [str(place / "right"), str(tmp_path / "half"), str(tmp_path / "none")]
    command = ["evaluate", *models, "--tasks", str(tasks), "--out", str(tmp_path / "out"), *QUICK]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    told = json.loads((tmp_path / "out" / "results.json").read_text())
    failed = {(f["model"], f["task"]): f["reason"] for f in told["failures"]}
    assert "label 'warm' is not a number" in failed["", "broken"]
    assert "none has a vector of any entry of good" in failed["none", "good"].replace(" no ", " a ")
    assert set(failed) == {("", "broken"), ("none", "good")} | {
        (model, "constant") for model in ("right", "half", "none")
    }
    assert set(primary(told)) == {("right", "good"), ("half", "good")}
    assert len(told["refused"]) == ENTRIES // 2
    compared = [row for row in told["comparisons"] if row["task"] == "good"]
    assert [row["entries"] for row in compared] == [ENTRIES // 4 // 2]
    assert "failed" in result.stdout or "failed" in result.stderr


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--probe", "liner"), "did you mean 'linear'"),
        (("--metric", "sperman"), "did you mean 'spearman'"),
        (("--tasks", "nowhere"), "nowhere: no such folder"),
    ],
)
def test_mistakes_are_told_before_anything_is_done(
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    told: str,
) -> None:
    assert evaluate(place, tmp_path / "out", *more) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_models_of_one_name_are_told_apart(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = str(place / "right")
    command = ["evaluate", right, "--tasks", str(place / "tasks"), "--out", str(tmp_path / "out")]
    assert main([*command, right]) == 2
    assert f"a second model called 'right'; give it a name of its own, OTHER={right}" in (
        capsys.readouterr().err
    )
    assert main([*command, f"again={right}", *QUICK]) == 0


@pytest.mark.long
@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.0])
def test_a_killed_comparison_goes_on(place: Path, tmp_path: Path, seconds: float) -> None:
    """Killed after its first cell and a moment more; what comes out is as if it had not been."""
    code = "import sys; from multiprot.cli.main import main; sys.exit(main(sys.argv[1:]))"
    models = [str(place / "right"), str(place / "wrong"), "baseline:kmer"]
    out = tmp_path / "out"
    command = ["evaluate", *models, "--tasks", str(place / "tasks"), "--out", str(out), *QUICK]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *command], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    process.stderr.readline()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert main([*command, "--resume"]) == 0
    undisturbed = [*command[:-4], "--out", str(tmp_path / "other"), *QUICK]
    assert main(undisturbed) == 0
    for name in ("results.json", "scores.csv"):
        assert (out / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
