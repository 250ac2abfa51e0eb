"""Folders are told apart by what lies in them, and what is none of them is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiprot.errors import MultiprotError, ReportError
from multiprot.report import InputKind, build_report, recognised
from tests.report.makers import evaluation, islands, pair, run, score, store, transfer


@pytest.fixture
def folders(tmp_path: Path) -> dict[InputKind, Path]:
    return {
        InputKind.STORE: store(tmp_path / "store", islands(12)),
        InputKind.EVALUATION: evaluation(tmp_path / "scores", [score("a", "m", 0.5)]),
        InputKind.TRANSFER: transfer(tmp_path / "matrix", [pair("wasserstein", "a", "b", 0.5)]),
        InputKind.RUN: run(tmp_path / "run"),
    }


def test_each_kind_is_recognised(folders: dict[InputKind, Path]) -> None:
    found = recognised(list(folders.values()))
    assert [given.kind for given in found] == list(folders)
    assert [given.name for given in found] == ["store", "scores", "matrix", "run"]


def test_equal_names_are_told_apart(tmp_path: Path) -> None:
    given = [run(tmp_path / part / "run", finished=False) for part in ("first", "second")]
    assert [found.name for found in recognised(given)] == ["first/run", "second/run"]


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({}, "is no training run, embedding store, evaluation, transfer folder or fidelity card"),
        ({"bundle.json": "{}"}, "is a bundle"),
        ({"run.json": "{}"}, "not finished; run `multiprot evaluate` with --resume"),
        ({"results.json": ""}, r"results\.json: is empty"),
        ({"results.json": "{"}, r"results\.json: is no JSON"),
        ({"results.json": "[]"}, r"results\.json: holds a list"),
        ({"results.json": '{"steps": 3}'}, r"results\.json: holds no scores"),
        ({"results.json": '{"scores": []}'}, r"results\.json: tasks: Field required"),
        ({"results.json": '{"scores": [], "tasks": {}}'}, r"results\.json: holds no score;"),
        ({"transfer.json": "{}"}, r"transfer\.json: holds format None"),
        ({"logs/other.txt": ""}, "logs: holds no train.csv"),
        ({"logs/train.csv": "a,b\n"}, r"train\.csv: has no column 'step'"),
        ({"logs/train.csv": "step,loss\n1,2\n2\n"}, r"train\.csv: line 3 has 1 cells"),
        ({"logs/train.csv": "step,loss\n1,high\n"}, r"train\.csv: line 2: loss is 'high'"),
        ({"_manifest.json": "{}"}, "_manifest.json"),
    ],
)
def test_what_cannot_be_reported_on(tmp_path: Path, made: dict[str, str], told: str) -> None:
    for name, text in made.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(MultiprotError, match=told):
        build_report([tmp_path])


def test_a_missing_folder_a_file_and_one_given_twice(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no such folder"):
        recognised([tmp_path / "nowhere"])
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(ReportError, match="is a file; give the folder"):
        recognised([tmp_path / "results.json"])
    folder = run(tmp_path / "run")
    with pytest.raises(ReportError, match="given twice"):
        recognised([folder, tmp_path / "run" / ".." / "run"])
    with pytest.raises(ReportError, match="at least one folder"):
        build_report([])


def test_a_score_of_the_wrong_type_or_of_no_metric_is_named(tmp_path: Path) -> None:
    bad = evaluation(tmp_path / "bad", [score("a", "m", 0.5) | {"value": "good"}])
    with pytest.raises(ReportError, match=r"results\.json: scores\.0\.value: "):
        build_report([bad])
    odd = evaluation(tmp_path / "odd", [score("a", "m", 0.5, metric="goodness")])
    with pytest.raises(ReportError, match=r"results\.json: .*'goodness'"):
        build_report([odd])
