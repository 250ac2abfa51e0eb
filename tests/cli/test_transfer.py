"""`multiprot transfer` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multiprot.cli.main import main
from tests.evaluation.comparison.planted import planted_rows, planted_vectors, sequences, store
from tests.evaluation.tasks.folders import write_task

QUICK = ("--n", "30", "--replicates", "0")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("transfer")
    store(place / "right", planted_vectors())
    store(place / "wrong", planted_vectors(seed=1))
    write_task(place / "tasks" / "numbers", planted_rows("regression"))
    write_task(place / "tasks" / "either", planted_rows("binary"), "binary", "auroc")
    pairs = [
        {**row, "sequence_a": row["sequence"], "sequence_b": other}
        for row, other in zip(planted_rows("regression"), reversed(sequences()), strict=True)
    ]
    write_task(place / "tasks" / "pairs", pairs, "pair_regression")
    return place


def transfer(place: Path, *arguments: str) -> int:
    return main(["transfer", *arguments, "--tasks", str(place / "tasks"), *QUICK])


def test_matrix(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    arguments = ("matrix", str(place / "right"), "--out", str(out), "--measure", "otfrm")
    assert transfer(place, *arguments) == 0
    told = json.loads((out / "transfer.json").read_text())
    assert told["names"] == ["either", "numbers", "pairs"]
    assert {row["measure"] for row in told["pairs"]} == {"otfrm", "wasserstein"}
    assert all(row["problem"] is None for row in told["pairs"])
    assert capsys.readouterr().out.startswith("6 values, in ")
    assert transfer(place, *arguments) == 2
    assert "go on with --resume" in capsys.readouterr().err
    assert transfer(place, *arguments, "--resume") == 0


def test_rank_of_tasks(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("rank", str(place / "right"), "--target", "numbers", "--out", str(tmp_path))
    assert transfer(place, *arguments, "--measure", "wasserstein") == 0
    line = capsys.readouterr().out.strip()
    assert line in ("wasserstein: either > pairs", "wasserstein: pairs > either")


def test_rank_of_models(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = (str(place / "right"), str(place / "wrong"))
    arguments = ("rank", *models, "--target", "numbers", "--out", str(tmp_path), "--n", "100")
    assert transfer(place, *arguments, "--measure", "logme", "--n", "100") == 0
    assert capsys.readouterr().out.strip() == "logme: right > wrong"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--target", "number"), "no task 'number'; did you mean 'numbers'?"),
        (("--target", "numbers", "--measure", "logme"), "logme takes one set; tasks are ranked by"),
        (("--target", "numbers", "--measure", "otfmr"), "otfrm"),
    ],
)
def test_mistakes(
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    told: str,
) -> None:
    assert transfer(place, "rank", str(place / "right"), "--out", str(tmp_path), *more) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "transfer.json").exists()
