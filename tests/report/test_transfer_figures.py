"""Heat maps, rankings and curves of transferability."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import average, leaves_list
from scipy.spatial.distance import squareform

from multiprot.errors import ReportError
from multiprot.report.task_order import profile_distances, task_tree
from multiprot.report.transfer_figures import transfer_figures, value_matrix
from multiprot.report.transfer_file import PairValue, read_transfer
from tests.report.makers import pair, transfer
from tests.report.valid import plotly_takes


def of_groups(size: int, seed: int = 0) -> np.ndarray:
    """Values near 0 within two groups that alternate, near 1 between them; not symmetric."""
    rng = np.random.default_rng(seed)
    group = np.arange(size) % 2
    values = (group[:, None] != group[None]) + 0.01 * rng.random((size, size))
    np.fill_diagonal(values, np.nan)
    return values


def test_groups_stand_side_by_side() -> None:
    tree = task_tree(of_groups(8))
    assert tree is not None
    groups = (tree.order % 2).tolist()
    assert groups in ([0] * 4 + [1] * 4, [1] * 4 + [0] * 4)
    assert tree.joints.shape == (7, 4, 2)
    assert tree.joints[..., 0].min() >= 0
    assert tree.joints[..., 0].max() <= 7


@given(st.integers(3, 7), st.integers(0, 2**32 - 1))
def test_distances_of_profiles_by_their_definition(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((size, size))
    values[rng.random((size, size)) < 0.2] = np.nan
    apart = values[~np.eye(size, dtype=bool)]
    spread = np.nanstd(apart) or 1.0
    found = profile_distances(values)
    for i, j in product(range(size), repeat=2):
        squares = []
        for k in set(range(size)) - {i, j}:
            squares += [((a - b) / spread) ** 2 for a, b in _twins(values, i, j, k)]
        known = [s for s in squares if not np.isnan(s)]
        expected = 0.0 if i == j else np.sqrt(np.mean(known)) if known else np.nan
        assert found[i, j] == pytest.approx(expected, nan_ok=True)


def _twins(values: np.ndarray, i: int, j: int, k: int) -> list[tuple[float, float]]:
    return [(values[i, k], values[j, k]), (values[k, i], values[k, j])]


def test_the_order_is_a_tree_of_average_linkage() -> None:
    values = of_groups(6, seed=3)
    tree = task_tree(values)
    assert tree is not None
    plain = average(squareform(profile_distances(values), checks=False))
    assert sorted(leaves_list(plain)) == sorted(tree.order)
    assert tree.joints[..., 1].max() == pytest.approx(plain[:, 2].max())


def test_no_tree_where_nothing_can_be_compared() -> None:
    assert task_tree(of_groups(2)) is None
    values = of_groups(4)
    values[3, :] = values[:, 3] = np.nan
    assert task_tree(values) is None


def test_a_symmetric_measure_fills_both_places() -> None:
    pairs = [PairValue(measure="m", source="a", target="b", value=0.5)]
    values, _ = value_matrix(pairs, ["a", "b"], symmetric=True)
    np.testing.assert_array_equal(values, [[np.nan, 0.5], [0.5, np.nan]])
    values, _ = value_matrix(pairs, ["a", "b"], symmetric=False)
    np.testing.assert_array_equal(values, [[np.nan, 0.5], [np.nan, np.nan]])


def test_a_heat_map_shows_each_value_at_its_names(tmp_path: Path) -> None:
    names = ["s<1>", "b", "c", "d"]
    pairs = [
        pair("wasserstein", a, b, 0.1 * number, warnings=["few proteins"] if not number else [])
        for number, (a, b) in enumerate(combinations(names, 2))
    ]
    pairs[-1] = pair("wasserstein", "c", "d", None)
    (figure,) = transfer_figures(read_transfer(transfer(tmp_path, pairs)), "x")
    plotly_takes(figure)
    cells = figure.data[0]
    labels = figure.layout["xaxis"]["ticktext"]
    assert labels == figure.layout["yaxis"]["ticktext"]
    assert sorted(labels) == sorted(["s&lt;1&gt;", "b", "c", "d"])
    place = {label: number for number, label in enumerate(labels)}
    assert cells["z"][place["b"]][place["c"]] == pytest.approx(0.3)
    assert cells["z"][place["c"]][place["b"]] == pytest.approx(0.3)
    assert cells["z"][place["d"]][place["c"]] is None
    assert "no labels" in cells["customdata"][place["d"]][place["c"]]
    assert cells["text"][place["s&lt;1&gt;"]][place["b"]] == "0!"
    assert "few proteins" in cells["customdata"][place["b"]][place["s&lt;1&gt;"]]
    assert "smaller promises more" in figure.note


def test_measures_of_one_set_are_a_list(tmp_path: Path) -> None:
    pairs = [pair("logme", name, name, value) for name, value in (("a", 0.2), ("b", 0.9))]
    others = [pair("otfrm", "", name, 1.0) for name in "ab"]
    figures = transfer_figures(read_transfer(transfer(tmp_path, [*pairs, *others])), "x")
    for figure in figures:
        plotly_takes(figure)
    assert figures[0].data[0]["y"] == ["a", "b"]
    assert len(figures) == 2


@pytest.mark.parametrize(
    ("measure", "top"), [("wasserstein", "near"), ("leep", "far"), ("made-up", "far")]
)
def test_the_most_promising_source_is_on_top(tmp_path: Path, measure: str, top: str) -> None:
    pairs = [pair(measure, "near", "t", -0.9), pair(measure, "far", "t", -0.1)]
    pairs.append(pair(measure, "unknown", "t", None))
    (figure,) = transfer_figures(read_transfer(transfer(tmp_path, pairs, "rank")), "x")
    plotly_takes(figure)
    assert figure.data[0]["y"][-1] == top
    assert figure.title == f"{measure}, for t"


def test_a_trace_is_a_curve_for_each_task_by_step(tmp_path: Path) -> None:
    pairs = [
        pair("wasserstein", f"step {step}", task, 1 / (step + 1), step=step)
        for step in (200, 0, 100)
        for task in "ab"
    ]
    (figure,) = transfer_figures(read_transfer(transfer(tmp_path / "pairs", pairs, "trace")), "x")
    plotly_takes(figure)
    assert [trace["x"] for trace in figure.data] == [[0, 100, 200]] * 2
    points = [{"step": 5, "task": "a", "value": 0.5, "low": 0.4, "high": 0.6}]
    folder = transfer(tmp_path / "points", [], "trace", trace=points)
    (figure,) = transfer_figures(read_transfer(folder), "x")
    assert figure.data[0]["y"] == [0.5]


def test_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"transfer\.json: holds no value"):
        read_transfer(transfer(tmp_path / "empty", []))
    with pytest.raises(ReportError, match=r"transfer\.json: verb: "):
        read_transfer(transfer(tmp_path / "verb", [pair("otdd", "a", "b", 1.0)], "draw"))
