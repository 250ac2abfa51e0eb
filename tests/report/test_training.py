"""Training curves."""

from __future__ import annotations

from pathlib import Path

from multiprot.report.training_figures import MOST_POINTS, training_figures
from multiprot.report.training_logs import read_run
from tests.report.makers import run
from tests.report.valid import plotly_takes


def test_curves_of_two_runs_share_a_plot(tmp_path: Path) -> None:
    runs = {name: read_run(run(tmp_path / name)) for name in ("one", "t<o")}
    figures = {figure.title: figure for figure in training_figures(runs, "x")}
    for figure in figures.values():
        plotly_takes(figure)
    assert list(figures) == ["loss", "go/accuracy", "learning_rate", "residues per second"]
    names = [trace["name"] for trace in figures["loss"].data]
    assert names == ["one, train", "one, valid", "t&lt;o, train", "t&lt;o, valid"]
    assert figures["loss"].data[1]["y"] == [3.1, 2.4]
    baseline = figures["go/accuracy"].data[1]
    assert (baseline["y"], baseline["line"]["dash"]) == ([0.2, 0.2], "dot")
    assert figures["learning_rate"].data[0]["x"] == [1]


def test_a_run_that_is_not_finished_has_curves_and_no_results(tmp_path: Path) -> None:
    found = read_run(run(tmp_path / "run", finished=False))
    assert found.results is None
    assert found.tables["train"].columns["learning_rate"] == (0.1, None)


def test_what_is_not_finite_is_no_point(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "train.csv").write_text("step,loss,unused\n1,nan,\n2,inf,\n3,1.5,\n")
    figures = training_figures({"r": read_run(tmp_path)}, "x")
    assert [(figure.title, figure.data[0]["x"]) for figure in figures] == [("loss", [3])]


def test_long_curves_are_thinned_and_keep_their_ends(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    rows = "".join(f"{step},{step / 7}\n" for step in range(5000))
    (tmp_path / "logs" / "train.csv").write_text(f"step,loss\n{rows}")
    (figure,) = training_figures({"r": read_run(tmp_path)}, "x")
    steps = figure.data[0]["x"]
    assert len(steps) == MOST_POINTS
    assert (steps[0], steps[-1]) == (0, 4999)
