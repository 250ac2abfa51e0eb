"""The tables that people read say what the cells hold, and mark what must not be missed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.evaluation.comparison import EvaluateOptions, Exposure, Outcome, Verdict
from multiprot.evaluation.comparison.results import (
    LEGEND,
    score_rows,
    table_text,
    write_results,
)
from multiprot.evaluation.tasks import TaskType
from tests.evaluation.comparison.sources import DrawnSource, NoiseSource, cell_of, planted_task

OPTIONS = EvaluateOptions(resamples=20, seeds=3, probes=("knn", "mlp"))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Two models on two tasks; a third model failed on one of them."""
    place = tmp_path_factory.mktemp("results")
    found = Outcome()
    for kind in (TaskType.REGRESSION, TaskType.MULTICLASS):
        task = planted_task(place / kind.value, kind, 60, caveat="made up", reference=[{"x": 1}])
        found.tasks[task.name] = task
        for name, source in (("drawn", DrawnSource()), ('noise, "quoted"', NoiseSource())):
            source.name = name
            folder = place / f"{name[:5]}-{kind}"
            found.cells.append(cell_of(task, folder, source, OPTIONS))
            found.folders[name, task.name] = folder
            verdict = Verdict.SEEN if name == "drawn" else Verdict.UNTRAINED
            found.exposures[name, task.name] = Exposure(verdict=verdict, proteins=12, identical=1)
    found.failures.append({"model": "third", "task": "regression", "reason": "it is broken"})
    return found


@pytest.fixture(scope="module")
def results(outcome: Outcome, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    place = tmp_path_factory.mktemp("written")
    told = write_results(outcome, OPTIONS, place)
    assert json.loads((place / "results.json").read_text(), parse_constant=pytest.fail) == told
    with (place / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(told["scores"])
    for row, score in zip(rows, told["scores"], strict=True):
        assert {k: "" if v is None else str(v) for k, v in score.items()} == row
    return told


def test_seeds_are_averaged(outcome: Outcome) -> None:
    for row in score_rows(outcome):
        cell = next(
            c for c in outcome.cells if (c["model"], c["task"]) == (row["model"], row["task"])
        )
        values = [
            run["splits"][row["split"]][row["metric"]]["value"]
            for run in cell["runs"]
            if run["probe"] == row["probe"]
        ]
        assert row["seeds"] == len(values) == 3
        if None in values:
            assert (row["value"], row["standard_deviation"]) == (None, None)
            continue
        assert row["value"] == pytest.approx(np.mean(values))
        assert row["standard_deviation"] == pytest.approx(np.std(values, ddof=1))


def test_there_is_a_row_for_each_model_task_probe_and_metric(results: dict[str, Any]) -> None:
    keys = [
        tuple(row[k] for k in ("task", "split", "model", "probe", "metric"))
        for row in results["scores"]
    ]
    assert len(set(keys)) == len(keys)
    assert len(keys) == 2 * 2 * (5 + 5)
    primary = [row for row in results["scores"] if row["primary"]]
    assert {row["metric"] for row in primary} == {"spearman", "accuracy"}
    assert len(primary) == 2 * 2 * 2


def test_intervals_hold_the_first_seeds_value(outcome: Outcome, results: dict[str, Any]) -> None:
    for row in results["scores"]:
        assert (row["low"] is None) == (row["high"] is None)
        assert row["low"] is None or row["low"] <= row["high"]


def test_what_is_said_of_the_tasks(results: dict[str, Any]) -> None:
    told = results["tasks"]["regression"]
    assert told["task_type"] == "regression"
    assert told["caveat"] == "made up"
    assert told["reference"] == [{"x": 1}]
    assert len(told["content_hash"]) == 64
    assert results["options"]["probes"] == ["knn", "mlp"]


def test_marks_and_their_legend(results: dict[str, Any]) -> None:
    lines = table_text(results).splitlines()
    assert lines[0].split() == ["task", "split", "probe", "metric", "drawn", "noise,", '"quoted"']
    assert len(lines) == 1 + 2 * 2 + 1
    assert lines[-1] == LEGEND
    for line in lines[1:-1]:
        assert line.count("]*") == 1
        assert line.count("[") == 2


def shown(**change: Any) -> str:
    """The last column of a table of one score."""
    row: dict[str, Any] = {
        "task": "t",
        "split": "test",
        "model": "m",
        "probe": "linear",
        "metric": "auroc",
    }
    row |= {"primary": True, "value": 0.51234, "low": 0.4, "high": 0.6, "exposure": "clean"}
    return table_text({"scores": [row | change]}).splitlines()[1].split("auroc")[1].strip()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "0.512 [0.400, 0.600]"),
        ({"exposure": "untrained"}, "0.512 [0.400, 0.600]"),
        ({"exposure": "seen"}, "0.512 [0.400, 0.600]*"),
        ({"exposure": "unknown"}, "0.512 [0.400, 0.600]?"),
        ({"low": None, "high": None}, "0.512"),
        ({"value": None, "low": None, "high": None}, "undefined"),
        ({"value": None, "exposure": "seen"}, "undefined*"),
    ],
)
def test_a_score_in_a_table(change: dict[str, Any], expected: str) -> None:
    assert shown(**change) == expected


def test_a_model_without_a_score_is_told_as_failed(results: dict[str, Any]) -> None:
    rest = [
        row for row in results["scores"] if (row["model"], row["task"]) != ("drawn", "regression")
    ]
    lines = table_text({"scores": rest}).splitlines()
    assert sum("failed" in line for line in lines) == 2


def test_nothing_scored_is_an_empty_table() -> None:
    assert table_text({"scores": []}) == "task  split  probe  metric"


def test_columns_are_as_wide_as_what_they_hold(results: dict[str, Any]) -> None:
    lines = table_text(results).splitlines()[:-1]
    places = {line.index("test") for line in lines[1:]}
    assert len(places) == 1


def test_an_outcome_without_cells_is_written(tmp_path: Path) -> None:
    told = write_results(Outcome(notes=["for once"]), OPTIONS, tmp_path)
    assert told["scores"] == told["comparisons"] == []
    assert told["notes"] == ["for once"]
    assert (tmp_path / "scores.csv").read_text().startswith("task,split,model,probe,metric,primary")
