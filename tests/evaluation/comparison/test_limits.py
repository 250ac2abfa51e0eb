"""Limits and bad input of `multiprot evaluate`: each costs what it must, and is a clear line."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.cli.main import main
from multiprot.evaluation.comparison import run
from multiprot.evaluation.comparison.cell import CELL
from multiprot.evaluation.features import open_source
from tests.evaluation.comparison.planted import (
    ENTRIES,
    planted_rows,
    planted_vectors,
    sequences,
    store,
)
from tests.evaluation.comparison.sources import random_sequences
from tests.evaluation.tasks.folders import Row, proteins, write_task

QUICK = ("--resamples", "10")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of 6, 1 and 40 channels, all of the same proteins."""
    place = tmp_path_factory.mktemp("stores")
    vectors = planted_vectors()
    store(place / "six", vectors)
    store(place / "one", vectors[:, :1])
    more = np.random.default_rng(5).normal(size=(ENTRIES, 34)).astype(np.float32)
    store(place / "forty", np.concatenate([vectors, more], axis=1))
    return place


def evaluate(out: Path, models: Sequence[object], tasks: Path, *more: str) -> int:
    named = [str(model) for model in models]
    return main(["evaluate", *named, "--tasks", str(tasks), "--out", str(out), *QUICK, *more])


def results(out: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((out / "results.json").read_text(encoding="utf-8"))
    return told


def primary(told: dict[str, Any]) -> dict[tuple[str, str], float]:
    return {(row["model"], row["task"]): row["value"] for row in told["scores"] if row["primary"]}


def bad_tasks(place: Path) -> dict[str, str]:
    """Task -> what is to be told of it; beside one that is sound."""
    good = planted_rows("regression")

    def written(name: str, rows: list[Row], kind: str = "regression", **more: Any) -> None:
        metric = {"regression": "spearman", "binary": "auroc"}.get(kind, "accuracy")
        write_task(place / name, rows, kind, more.pop("metric", metric), **more)

    written("sound", good)
    written("one-class", [r | {"target": "1"} for r in good], "binary")
    written("constant", [r | {"target": "2.5"} for r in good])
    written("nan", [good[0] | {"target": "nan"}, *good[1:]])
    few = [r for r in good if r["split"] == "train"][:9]
    written("nine-rows", few + [r for r in good if r["split"] == "test"])
    written("one-test-row", [*good[:3], *[r for r in good[4:] if r["split"] != "test"], good[3]])
    letters = [r | {"target": "HE" * (len(r["sequence"]) // 2 + 1)} for r in good]
    written("long-labels", letters, "residue_multiclass")
    written("no-target", [{k: v for k, v in r.items() if k != "target"} for r in good])
    written("no-train", [r | {"split": "test"} for r in good])
    written("doubled", [*good, good[0]])
    written("lower-case", [r | {"sequence": r["sequence"].lower()} for r in good])
    written("wrong-metric", good, metric="auroc")
    other = random_sequences(ENTRIES, seed=3)
    written("none-known", [r | {"sequence": s} for r, s in zip(good, other, strict=True)])
    constant_test = [r | {"target": "3"} if r["split"] == "test" else r for r in good]
    written("constant-test", constant_test)
    constant_valid = [r | {"target": "3"} if r["split"] == "valid" else r for r in good]
    written("constant-valid", constant_valid)
    (place / "empty").mkdir()
    (place / "empty" / "task.json").write_text("")
    written("no-table", good)
    (place / "no-table" / "data.csv").unlink()
    written("bytes", good)
    (place / "bytes" / "data.csv").write_bytes(np.random.default_rng(0).bytes(5000))
    return {
        "one-class": "have the class 1; nothing can be learnt",
        "constant": "have the target 2.5; nothing can be learnt",
        "nan": "entry p0: label 'nan' is not a finite number; drop the row",
        "nine-rows": "the training part has 9 rows; a probe needs at least 10",
        "one-test-row": "1 row cannot be resampled; give at least 2",
        "long-labels": "entry p0: 14 labels for 13 residues",
        "no-target": "no column 'target'; there are id, sequence, split",
        "no-train": "column 'split' puts no entry into train",
        "doubled": "id 'p0' stands on more than one row",
        "lower-case": "letter 'a' in sequence at residue 2",
        "wrong-metric": "metric 'auroc' is not for regression labels; choose one of spearman",
        "none-known": "has no vector of any entry of none-known: not in",
        "constant-valid": "is undefined on all 50 rows of validation",
        "empty": "not JSON",
        "no-table": "no table; next to task.json goes one of data.csv",
        "bytes": "data.csv: ",
    }


@pytest.fixture(scope="module")
def survived(stores: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    place = tmp_path_factory.mktemp("limits")
    told = bad_tasks(place / "tasks")
    models = [stores / "six", stores / "one", stores / "forty", "baseline:composition"]
    assert evaluate(place / "out", models, place / "tasks") == 2
    return place, told


def test_one_sound_task_among_many_bad_ones_is_scored(
    survived: tuple[Path, dict[str, str]],
) -> None:
    place, _ = survived
    found = primary(results(place / "out"))
    scored = {model for model, task in found if task == "sound"}
    assert scored == {"six", "one", "forty", "baseline:composition"}
    assert found["six", "sound"] > 0.99
    assert found["forty", "sound"] > 0.95
    # Nothing is said of a constant, and a composition knows every protein.
    rest = {pair for pair in found if pair[1] != "sound"}
    assert rest == {
        ("baseline:composition", "none-known"),
        *((model, "constant-test") for model in scored),
    }
    assert {found[pair] for pair in rest if pair[1] == "constant-test"} == {None}


def test_each_failure_is_a_clear_line(survived: tuple[Path, dict[str, str]]) -> None:
    place, told = survived
    reasons: dict[str, list[str]] = {}
    for failure in results(place / "out")["failures"]:
        reasons.setdefault(failure["task"], []).append(failure["reason"])
    assert set(reasons) == set(told)
    for task, expected in told.items():
        for reason in reasons[task]:
            if task != "bytes":
                assert expected in reason, task
            assert "unexpected" not in reason
            assert len(reason.splitlines()) == 1


def test_a_failure_of_a_task_is_told_once_and_of_a_cell_for_each_model(
    survived: tuple[Path, dict[str, str]],
) -> None:
    place, _ = survived
    failures = results(place / "out")["failures"]
    by_task: dict[str, set[str]] = {}
    for failure in failures:
        by_task.setdefault(failure["task"], set()).add(failure["model"])
    assert len(failures) == sum(len(models) for models in by_task.values())
    assert by_task["nan"] == by_task["empty"] == {""}
    assert len(by_task["constant"]) == 4
    assert by_task["none-known"] == {"six", "one", "forty"}


def test_what_failed_is_tried_again_and_nothing_else(
    survived: tuple[Path, dict[str, str]], stores: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, _ = survived
    tasks = place / "tasks"
    models = [stores / "six", stores / "one", stores / "forty", "baseline:composition"]
    before = {f: f.stat().st_mtime_ns for f in (place / "out" / "cells").glob(f"*/{CELL}")}
    write_task(tasks / "constant", planted_rows("regression"))
    assert evaluate(place / "out", models, tasks, "--resume") == 2
    assert "the same command with --resume tries these again" in capsys.readouterr().err
    found = primary(results(place / "out"))
    assert found["six", "constant"] == found["six", "sound"]
    assert all(f.stat().st_mtime_ns == time for f, time in before.items())


def test_names_of_any_letters_keep_their_cells_apart(stores: Path, tmp_path: Path) -> None:
    """In a file's name all of these would be the same letters."""
    names = ["α", "β", "a b", "a_b", "a+b", "A_B"]
    vectors = {"α": "six", "β": "one", "a b": "forty"}
    models = [f"{name}={stores / vectors.get(name, 'six')}" for name in names]
    tasks = tmp_path / "tasks"
    for name in ("ab", "a b", "蛋白質"):
        write_task(tasks / name, planted_rows("regression"))
    assert evaluate(tmp_path / "out", models, tasks) == 0
    told = results(tmp_path / "out")
    assert len(list((tmp_path / "out" / "cells").iterdir())) == len(names) * 3
    alone = {}
    for model in ("six", "one", "forty"):
        out = tmp_path / f"out-{model}"
        assert evaluate(out, [stores / model], tasks / "ab") == 0
        alone[model] = primary(results(out))[model, "ab"]
    for (name, _), value in primary(told).items():
        assert value == alone[vectors.get(name, "six")]
    for row in told["comparisons"]:
        same = alone[vectors.get(row["model"], "six")] == alone[vectors.get(row["best"], "six")]
        assert (row["difference"]["value"] == 0) == same
    with (tmp_path / "out" / "scores.csv").open(encoding="utf-8") as file:
        assert {row["model"] for row in csv.DictReader(file)} == set(names)


def test_two_tasks_of_one_name_are_told_before_anything_is_made(
    stores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_task(tmp_path / "tasks" / "a", planted_rows("regression"))
    write_task(tmp_path / "tasks" / "b", planted_rows("regression"), name="a")
    assert evaluate(tmp_path / "out", [stores / "six"], tmp_path / "tasks") == 2
    assert "a second task called 'a'; change the name in one task.json" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_models_without_a_protein_in_common_are_not_compared(
    stores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = planted_rows("regression")
    tests = [n for n, row in enumerate(rows) if row["split"] == "test"]
    whole = sequences()
    for name, lacking in (("first", set(tests[::2])), ("second", set(tests[1::2]))):
        kept = [n for n in range(ENTRIES) if n not in lacking]
        store(tmp_path / name, planted_vectors()[kept], [whole[n] for n in kept])
    write_task(tmp_path / "tasks" / "t", rows)
    models = [tmp_path / "first", tmp_path / "second", stores / "six"]
    assert evaluate(tmp_path / "out", models[:2], tmp_path / "tasks") == 0
    told = results(tmp_path / "out")
    assert told["comparisons"] == []
    (note,) = told["notes"]
    assert "not compared, as they share 0 test entries; embed the same proteins" in note
    assert f"note: {note}" in capsys.readouterr().err
    assert evaluate(tmp_path / "more", models, tmp_path / "tasks") == 0
    assert {row["entries"] for row in results(tmp_path / "more")["comparisons"]} <= {25}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--max-rows", "9"), "--max-rows 9: input should be greater than or equal to 10"),
        (("--max-residues", "0"), "--max-residues 0: input should be greater"),
        (("--max-test-rows", "1"), "--max-test-rows 1: input should be greater"),
        (("--seeds", "0"), "--seeds 0: input should be greater"),
        (("--resamples", "1"), "--resamples 1: input should be greater"),
        (("--confidence", "1"), "--confidence 1.0: input should be less than 1"),
        (("--precision", "fp8"), "--precision fp8: is not fp32, bf16 or fp16"),
        (("--corpus", "nowhere"), "nowhere"),
        (("--split-column", ""), ""),
    ],
)
def test_settings_that_make_no_sense_are_told(
    stores: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, str],
    told: str,
) -> None:
    write_task(tmp_path / "tasks" / "t", proteins())
    assert evaluate(tmp_path / "out", [stores / "six"], tmp_path / "tasks", *more) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "unexpected" not in error
    if told:
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "model",
    [
        "nothing-of-the-kind",
        "esm2:/no/such/folder",
        "/no/such/folder",
        "name=",
        "x=baseline:kmer=1",
    ],
)
def test_a_model_that_cannot_be_opened_costs_its_own_cells(
    stores: Path, tmp_path: Path, model: str
) -> None:
    write_task(tmp_path / "tasks" / "t", planted_rows("regression"))
    code = evaluate(tmp_path / "out", [stores / "six", model], tmp_path / "tasks")
    assert code == 2
    if not (tmp_path / "out").exists():
        # A baseline's name is known to be wrong at once.
        assert "baseline" in model
        return
    told = results(tmp_path / "out")
    assert set(primary(told)) == {("six", "t")}
    (failure,) = told["failures"]
    assert failure["task"] == "t"
    assert failure["model"]


def test_a_plugin_of_ones_own_that_breaks_costs_its_own_cells(
    stores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_source

    def broken(reference: Any, **given: Any) -> Any:
        if reference.name == "one":
            raise RuntimeError("CUDA error: out of cheese")
        return opened(reference, **given)

    monkeypatch.setattr(run, "open_source", broken)
    write_task(tmp_path / "tasks" / "t", planted_rows("regression"))
    models = [stores / "one", stores / "six"]
    assert evaluate(tmp_path / "out", models, tmp_path / "tasks") == 2
    told = results(tmp_path / "out")
    assert told["failures"] == [
        {
            "model": "one",
            "task": "t",
            "reason": "unexpected RuntimeError: CUDA error: out of cheese",
        }
    ]
    assert set(primary(told)) == {("six", "t")}


def test_a_folder_named_like_a_setting_is_a_folder(
    stores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs of a sweep are often called `lr=0.1`."""
    store(tmp_path / "lr=0.1", planted_vectors())
    write_task(tmp_path / "tasks" / "t", planted_rows("regression"))
    monkeypatch.chdir(tmp_path)
    assert evaluate(tmp_path / "out", ["lr=0.1", "name=lr=0.1"], tmp_path / "tasks") == 0
    assert {model for model, _ in primary(results(tmp_path / "out"))} == {"lr=0.1", "name"}


def test_results_do_not_depend_on_the_order_of_models_and_tasks(
    stores: Path, tmp_path: Path
) -> None:
    tasks = [tmp_path / "tasks" / name for name in ("b", "a")]
    for seed, task in enumerate(tasks):
        write_task(task, planted_rows("regression", seed))
    models = [str(stores / name) for name in ("six", "one", "forty")]
    found = []
    for turn in (1, -1):
        out = tmp_path / f"out{turn}"
        folders = [word for task in tasks[::turn] for word in ("--tasks", str(task))]
        assert main(["evaluate", *models[::turn], *folders, "--out", str(out), *QUICK]) == 0
        told = results(out)
        scores = {tuple(row.values())[:5]: row for row in told["scores"]}
        compared = {(row["task"], row["best"], row["model"]): row for row in told["comparisons"]}
        found.append((scores, compared))
    assert found[0] == found[1]


def test_json_goes_to_standard_output_and_all_else_beside_it(
    stores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_task(tmp_path / "tasks" / "t", planted_rows("regression"))
    write_task(tmp_path / "tasks" / "u", proteins(target=lambda n: "x"))
    assert evaluate(tmp_path / "out", [stores / "six"], tmp_path / "tasks", "--json") == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out) == results(tmp_path / "out")
    assert "failed: u: " in shown.err


def test_damaged_results_of_a_cell_are_told_with_what_to_do(
    stores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_task(tmp_path / "tasks" / "t", planted_rows("regression"))
    models = [stores / "six", stores / "one"]
    assert evaluate(tmp_path / "out", models, tmp_path / "tasks") == 0
    before = results(tmp_path / "out")
    cells = sorted((tmp_path / "out" / "cells").iterdir())
    whole = (cells[0] / "linear-0-test.npz").read_bytes()
    (cells[0] / "linear-0-test.npz").write_bytes(whole[: len(whole) // 2])
    (cells[1] / CELL).write_text("{")
    assert evaluate(tmp_path / "out", models, tmp_path / "tasks", "--resume") == 2
    assert f"remove {cells[1]} and go on with --resume" in capsys.readouterr().err
    for path in cells[1].iterdir():
        path.unlink()
    cells[1].rmdir()
    assert evaluate(tmp_path / "out", models, tmp_path / "tasks", "--resume") == 2
    assert f"remove {cells[0]} and go on with --resume" in capsys.readouterr().err
    for path in cells[0].iterdir():
        path.unlink()
    cells[0].rmdir()
    assert evaluate(tmp_path / "out", models, tmp_path / "tasks", "--resume") == 0
    assert results(tmp_path / "out") == before
