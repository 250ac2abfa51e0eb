"""Models are compared on the rows that both were scored on, and on no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.errors import EvaluationError
from multiprot.evaluation.comparison.paired import paired_comparisons
from multiprot.evaluation.comparison.scoring import Scoring, scoring_of
from multiprot.evaluation.metrics import MetricContext, metric_named
from multiprot.evaluation.statistics import BootstrapOptions, holm
from multiprot.evaluation.tasks import Target, Task, TaskType
from tests.evaluation.comparison.sources import (
    QUICK,
    DrawnSource,
    NoiseSource,
    cell_of,
    planted_task,
)

BOOTSTRAP = BootstrapOptions(resamples=100)


class Compared:
    """Cells of several models on one task."""

    def __init__(self, task: Task, place: Path, **sources: DrawnSource) -> None:
        self.task, self.place = task, place
        self.cells = []
        for name, source in sources.items():
            source.name = name
            self.cells.append(cell_of(task, place / name, source))
        self.notes: list[str] = []

    def rows(self, cells: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
        chosen = self.cells if cells is None else cells
        scoring: Scoring = scoring_of(self.task, QUICK)
        return paired_comparisons(
            chosen,
            {(cell["model"], self.task.name): self.place / cell["model"] for cell in chosen},
            {self.task.name: scoring},
            BOOTSTRAP,
            self.notes,
        )


@pytest.fixture(scope="module", params=[TaskType.REGRESSION, TaskType.RESIDUE_BINARY])
def three(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    place = tmp_path_factory.mktemp("paired")
    task = planted_task(place / "task", request.param)
    return Compared(
        task,
        place,
        noise=NoiseSource(),
        whole=DrawnSource(),
        narrow=DrawnSource(width=2),
    )


def test_each_is_compared_with_the_best(three: Compared) -> None:
    rows = three.rows()
    assert [(row["best"], row["model"]) for row in rows] == [
        ("whole", "noise"),
        ("whole", "narrow"),
    ]
    for row in rows:
        assert row["entries"] == 20
        assert row["difference"]["value"] > 0
        assert row["difference"]["low"] <= row["difference"]["value"] <= row["difference"]["high"]
    assert three.notes == []


def test_differences_are_those_of_the_scores(three: Compared) -> None:
    metric = three.cells[0]["primary_metric"]
    values = {
        cell["model"]: cell["runs"][0]["splits"]["test"][metric]["value"] for cell in three.cells
    }
    for row in three.rows():
        expected = values[row["best"]] - values[row["model"]]
        # Predictions are kept in single precision.
        assert row["difference"]["value"] == pytest.approx(expected, abs=1e-4)


def test_the_order_of_models_changes_nothing_but_the_order(three: Compared) -> None:
    straight = {row["model"]: row for row in three.rows()}
    turned = {row["model"]: row for row in three.rows(three.cells[::-1])}
    assert straight == turned


def test_several_comparisons_are_corrected_together(three: Compared) -> None:
    rows = three.rows()
    corrected = holm([row["p_value"] for row in rows])
    assert [row["p_value_holm"] for row in rows] == corrected.tolist()
    one = three.rows([cell for cell in three.cells if cell["model"] != "narrow"])
    assert [row["p_value_holm"] for row in one] == [row["p_value"] for row in one]


def test_one_model_is_compared_with_none(three: Compared) -> None:
    assert three.rows(three.cells[:1]) == []
    assert three.rows([]) == []


def test_only_common_entries_count(tmp_path: Path) -> None:
    """By hand: the metric of both on the entries that both have."""
    task = planted_task(tmp_path / "task", TaskType.REGRESSION)
    tests = task.entries("test")
    lacks = [task.sequences[0][row] for row in tests[:8]]
    found = Compared(task, tmp_path, whole=DrawnSource(), some=NoiseSource(lacks=lacks))
    (row,) = found.rows()
    assert (row["best"], row["model"], row["entries"]) == ("whole", "some", 12)
    metric, context = metric_named("spearman"), MetricContext(target=Target.REGRESSION)
    values = []
    for name in ("whole", "some"):
        with np.load(tmp_path / name / "linear-0-test.npz") as arrays:
            common = np.isin(arrays["ids"], [task.ids[k] for k in tests[8:]])
            labels, predictions = arrays["labels"][common], arrays["predictions"][common]
            values.append(metric.value(labels, predictions, context).value)
    assert row["difference"]["value"] == pytest.approx(values[0] - values[1], abs=1e-12)


@pytest.mark.parametrize("common", [0, 1])
def test_too_few_common_entries_are_told(tmp_path: Path, common: int) -> None:
    task = planted_task(tmp_path / "task", TaskType.REGRESSION)
    tests = [task.sequences[0][row] for row in task.entries("test")]
    first = DrawnSource(lacks=tests[: 10 - common])
    second = DrawnSource(lacks=tests[10:], width=3)
    found = Compared(task, tmp_path, first=first, second=second)
    assert found.rows() == []
    (note,) = found.notes
    assert note.endswith(
        f"on task, test: not compared, as they share {common} test entries; embed the same proteins"
    )


def test_where_smaller_is_better_the_smallest_is_best(tmp_path: Path) -> None:
    task = planted_task(tmp_path / "task", TaskType.REGRESSION, metric="rmse")
    found = Compared(task, tmp_path, noise=NoiseSource(), whole=DrawnSource())
    (row,) = found.rows()
    assert (row["best"], row["model"]) == ("whole", "noise")
    assert row["difference"]["value"] < 0
    assert row["difference"]["high"] < 0


def test_a_model_without_a_value_is_compared_with_none(tmp_path: Path) -> None:
    def constant_test(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [row | {"target": "1"} if row["split"] == "test" else row for row in rows]

    task = planted_task(tmp_path / "task", TaskType.REGRESSION, rows=constant_test)
    found = Compared(task, tmp_path, one=DrawnSource(), two=DrawnSource(width=2))
    assert found.rows() == []


def test_each_split_and_probe_is_a_table_of_its_own(tmp_path: Path) -> None:
    def split(number: int) -> str:
        return ("train", "train", "train", "test", "test_far")[number % 5]

    task = planted_task(tmp_path / "task", TaskType.REGRESSION, split=split)
    options = QUICK.model_copy(update={"probes": ("linear", "knn"), "seeds": 2})
    cells = []
    for name, source in (("whole", DrawnSource()), ("noise", NoiseSource())):
        source.name = name
        cells.append(cell_of(task, tmp_path / name, source, options))
    found = Compared(task, tmp_path)
    found.cells = cells
    places = [(row["probe"], row["split"]) for row in found.rows()]
    assert places == [(p, s) for p in ("knn", "linear") for s in ("test", "test_far")]


def test_predictions_that_are_gone_are_told_with_what_to_do(tmp_path: Path) -> None:
    task = planted_task(tmp_path / "task", TaskType.REGRESSION)
    found = Compared(task, tmp_path, one=DrawnSource(), two=DrawnSource(width=2))
    (tmp_path / "two" / "linear-0-test.npz").unlink()
    with pytest.raises(EvaluationError, match=r"linear-0-test\.npz: cannot be read .* --resume"):
        found.rows()


def test_the_same_model_under_two_names_does_not_differ(tmp_path: Path) -> None:
    task = planted_task(tmp_path / "task", TaskType.BINARY)
    found = Compared(task, tmp_path, one=DrawnSource(), two=DrawnSource())
    (row,) = found.rows()
    assert row["difference"]["value"] == 0
    assert row["p_value"] == row["p_value_holm"] == 1
