"""The score table and its pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import ReportError
from multiprot.report.evaluation_file import (
    EvaluationFile,
    best_of,
    read_cell_times,
    read_evaluation,
)
from multiprot.report.score_figures import radar_figure, task_figures
from multiprot.report.score_table import score_table
from multiprot.report.speed import measured_speeds, read_speeds, retained_scores, speed_figure
from tests.report.makers import cell, evaluation, score
from tests.report.valid import plotly_takes


def made(scores: list[dict[str, Any]], **more: Any) -> EvaluationFile:
    tasks = {
        row["task"]: {"task_type": "binary", "primary_metric": row["metric"]} for row in scores
    }
    return EvaluationFile.model_validate({"tasks": tasks, "scores": scores, **more})


def test_the_best_of_each_line_is_marked_whichever_way_the_metric_goes() -> None:
    table = score_table(
        made(
            [
                score("up", "a", 0.5),
                score("up", "b", 0.7),
                score("down", "a", 2.0, metric="rmse"),
                score("down", "b", 3.0, metric="rmse"),
            ]
        )
    )
    best = {line.task: [cell.best for cell in line.cells] for line in table.lines}
    assert best == {"up": [False, True], "down": [True, False]}
    assert [line.greater_is_better for line in table.lines] == [True, False]


def test_marks_failures_and_near_best() -> None:
    test = {"task": "t", "probe": "linear", "split": "test", "best": "a"}
    table = score_table(
        made(
            [
                score("t", "a", 0.9, exposure="seen"),
                score("t", "b", 0.89, exposure="unknown"),
                score("t", "c", 0.1),
                score("t", "d", None),
                score("u", "d", 0.2),
            ],
            comparisons=[
                {**test, "model": "b", "p_value_holm": 0.6},
                {**test, "model": "c", "p_value_holm": 0.001},
            ],
            failures=[{"model": "c", "task": "u", "reason": "too few rows"}],
        )
    )
    assert table.models == ("a", "b", "c", "d")
    first, second = table.lines
    assert [cell.mark for cell in first.cells] == ["*", "?", "", ""]
    assert [cell.near_best for cell in first.cells] == [False, True, False, False]
    assert first.cells[0].interval == "0.850 to 0.940"
    assert first.cells[3].value == "undefined"
    assert [cell.value for cell in second.cells] == ["—", "—", "failed", "0.200"]
    assert [sign for sign, _ in table.legend] == ["bold", "≈", "*", "?"]


def test_a_bar_for_each_model_with_its_interval() -> None:
    results = made([score("t", "a<b", 0.5), score("t", "c", None), score("t", "d", 0.7, low=None)])
    (figure,) = task_figures(results, "x")
    plotly_takes(figure)
    first, undefined, unbounded = figure.data
    assert first["name"] == "a&lt;b"
    assert first["y"][0] + first["error_y"]["array"][0] == pytest.approx(0.54)
    assert first["y"][0] - first["error_y"]["arrayminus"][0] == pytest.approx(0.45)
    assert undefined["y"] == [None]
    assert unbounded["error_y"]["arrayminus"] == [0.0]
    assert "a<b 0.500" in figure.alt


def test_several_probes_and_splits_stand_apart() -> None:
    rows = [
        score("t", model, 0.5, probe=probe, split=split)
        for model in "ab"
        for probe in ("linear", "knn")
        for split in ("test", "test_far")
    ]
    figures = task_figures(made(rows), "x")
    assert [figure.title for figure in figures] == ["t, test", "t, test_far"]
    assert [trace["x"] for trace in figures[0].data] == [["linear", "knn"]] * 2


def test_a_radar_needs_three_tasks_from_0_to_1() -> None:
    rows = [score(task, "m", 0.5) for task in "ab"] + [score("c", "m", 0.5, metric="spearman")]
    assert radar_figure(made(rows), "x") is None
    figure = radar_figure(made([*rows, score("d", "m", None, metric="auroc")]), "x")
    assert figure is not None
    plotly_takes(figure)
    (spokes,) = figure.data
    assert spokes["theta"] == ["a", "b", "d", "a"]
    assert spokes["r"] == [0.5, 0.5, None, 0.5]


def test_more_models_than_colours_are_still_told_apart() -> None:
    results = made([score("t", f"m{number}", 0.5) for number in range(25)])
    (figure,) = task_figures(results, "x")
    looks = {(t["marker"]["color"], t["marker"]["pattern"]["shape"]) for t in figure.data}
    assert len(looks) == 25


@given(
    st.lists(st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)), min_size=1, max_size=5),
)
def test_retained_scores_are_mean_shares_of_the_best(values: list[tuple[float, float]]) -> None:
    rows = [
        score(f"t{number}", model, value)
        for number, both in enumerate(values)
        for model, value in zip("ab", both, strict=True)
    ]
    found = retained_scores(made(rows))
    for place, model in enumerate("ab"):
        expected = sum(both[place] / max(both) for both in values) / len(values)
        assert found.shares[model] == pytest.approx(expected)
    assert (found.lines, found.left_out) == (len(values), 0)


def test_what_cannot_be_a_share_is_left_out_and_counted() -> None:
    rows = [
        *(score("good", m, v) for m, v in (("a", 0.8), ("b", 0.4))),
        *(score("error", m, v, metric="rmse") for m, v in (("a", 2.0), ("b", 1.0))),
        *(score("negative", m, v) for m, v in (("a", -0.1), ("b", -0.4))),
        score("alone", "a", 0.9),
    ]
    found = retained_scores(made(rows))
    assert found.shares == {"a": pytest.approx(0.75), "b": pytest.approx(0.75)}
    assert (found.lines, found.left_out) == (2, 2)


def test_speed_is_residues_over_seconds_of_the_cells_that_say_both(tmp_path: Path) -> None:
    folder = evaluation(tmp_path / "e", [score("t", "a", 0.5), score("t", "b", 0.4)])
    cell(folder, "1", model="a", residues_embedded=1000, seconds_embedding=2.0)
    cell(folder, "2", model="a", residues_embedded=500, seconds_embedding=1.0)
    cell(folder, "3", model="a", residues_embedded=0, seconds_embedding=9.0)
    cell(folder, "4", model="b", seconds_embedding=3.0)
    speeds = measured_speeds(read_cell_times(folder))
    assert speeds == {"a": 500.0}
    results = read_evaluation(folder)
    figure = speed_figure(retained_scores(results), speeds, results.models, "x")
    assert figure is not None
    plotly_takes(figure)
    assert [trace["x"] for trace in figure.data] == [[500.0]]
    assert speed_figure(retained_scores(results), {}, results.models, "x") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"esm": 5}', "no model of an evaluation 'esm'; did you mean 'esm2'"),
        ('{"esm2": "fast"}', "esm2: 'fast' is no speed"),
        ('{"esm2": 0}', "esm2: 0 is no speed"),
        ('{"esm2": true}', "esm2: True is no speed"),
        ("[5]", "holds a list"),
    ],
)
def test_a_file_of_speeds_is_checked(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "speed.json").write_text(text)
    with pytest.raises(ReportError, match=told):
        read_speeds(tmp_path / "speed.json", ("esm2", "other"))


def test_plotly_is_really_asked() -> None:
    with pytest.raises(ValueError, match="sharpness"):
        go.Figure([{"type": "bar", "sharpness": 3}])


def test_scores_of_go_terms_are_read_and_the_best_is_the_smallest_smin(tmp_path: Path) -> None:
    rows = [
        score("go", model, value, metric="smin_molecular_function")
        for model, value in (("near", 2.0), ("far", 9.0))
    ]
    rows += [
        score("go", model, value, metric="fmax_molecular_function", primary=False)
        for model, value in (("near", 0.6), ("far", 0.3))
    ]
    evaluation(tmp_path, rows)
    found = read_evaluation(tmp_path)
    (line,) = [scores for _, scores in found.lines()]
    assert best_of(line) == {"near"}
    assert "2.000" in str(score_table(found))
