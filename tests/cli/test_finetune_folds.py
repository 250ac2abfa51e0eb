"""`multiprot finetune --folds`, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Run
from tests.finetuning.planted import write_task

FOLDS = ("--folds", "2", "--valid-share", "0.4", "--epochs", "2", "--head-lr", "0.05")


def test_a_table_of_folds(run: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", "pair_regression")
    out = tmp_path / "run"
    code, text, errors = run("finetune", tiny_bundle, task, "--out", out, *FOLDS)
    assert code == 0, errors
    assert "fold 2, step" in errors
    lines = [line.split() for line in text.splitlines()]
    assert lines[0][:5] == ["fold", "train", "valid", "test", "valid"]
    assert [line[0] for line in lines[1:6]] == ["1", "2", "mean", "deviation", "joined"]
    assert lines[1][3] == "30"
    results = json.loads((out / "results.json").read_text())
    assert float(lines[5][-1]) == round(list(results["out_of_fold"].values())[-1], 4)
    assert f"models: {out}/fold-01/bundle and so on" in text
    code, _, errors = run("finetune", tiny_bundle, task, "--out", out, *FOLDS, "--resume")
    assert code == 2
    assert "its folds have models" in errors


def test_results_as_json_with_groups(run: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", "binary")
    out = tmp_path / "run"
    given = ("--out", out, *FOLDS, "--fold-groups", "id", "--json")
    code, text, errors = run("finetune", tiny_bundle, task, *given)
    assert code == 0, errors
    assert json.loads(text)["fold_groups"] == "id"


def test_what_is_wrong_is_said_in_one_line(run: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", "binary")
    out = tmp_path / "run"
    for given, told in (
        (("--folds", "1"), "1 folds; 2 or more"),
        (("--folds", "100"), "100 folds of 60 different entries"),
        (("--folds", "3", "--fold-groups", "pdb"), "no column 'pdb'"),
        (("--fold-groups", "id"), "goes with --folds"),
    ):
        code, _, errors = run("finetune", tiny_bundle, task, "--out", out, *given)
        assert code == 2, given
        assert told in errors
        assert len(errors.splitlines()) == 1
        assert not out.exists()
