"""Tasks dealt into folds, and fine-tuning once for each of them."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.bundle import load_bundle
from multiprot.errors import EvaluationError, OutputExistsError, TrainingError
from multiprot.evaluation.tasks import Task, load_task
from multiprot.finetuning import FineTuneRun, Folding, cross_validate, finetune
from multiprot.finetuning.cross_validation import train_fold
from multiprot.finetuning.folds import fold_tasks
from multiprot.finetuning.scoring import Scoring
from multiprot.training.finetune.watch import Look
from tests.finetuning.conftest import MakeRun
from tests.finetuning.planted import write_task

THREE = Folding(count=3)
SHARE = 0.3
SAME = ("bundle/prediction.safetensors", "bundle/model.safetensors", "logs/valid.csv")


def rewritten(folder: Path, change: Callable[[int, dict[str, str]], dict[str, str]]) -> Path:
    """The task with every row of its table as `change` makes it of number and cells."""
    with (folder / "data.csv").open(newline="") as file:
        rows = [change(number, row) for number, row in enumerate(csv.DictReader(file))]
    with (folder / "data.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return folder


def dealt(folder: Path, folding: Folding = THREE, seed: int = 0) -> tuple[Task, list[Task]]:
    task = load_task(folder)
    return task, fold_tasks(task, folding, valid_share=SHARE, seed=seed)


def sets(task: Task) -> dict[str, set[int]]:
    return {part: set(task.entries(part).tolist()) for part in ("train", "valid", "test")}


@given(count=st.integers(2, 12), seed=st.integers(0, 9), kind=st.sampled_from(["binary", "pair"]))
def test_folds_are_a_partition_and_no_part_holds_another(
    tmp_path_factory: pytest.TempPathFactory, count: int, seed: int, kind: str
) -> None:
    task_type = "binary" if kind == "binary" else "pair_regression"
    folder = write_task(tmp_path_factory.mktemp("folds") / "task", task_type)
    task, folds = dealt(folder, Folding(count=count), seed)
    tested = [row for fold in folds for row in fold.entries("test")]
    assert sorted(tested) == list(range(len(task)))
    assert np.ptp([len(fold.entries("test")) for fold in folds]) <= 1
    for fold in folds:
        train, valid, test = sets(fold).values()
        assert not train & valid
        assert not test & (train | valid)
        assert len(train | valid | test) == len(task)
        assert abs(len(valid) - SHARE * (len(task) - len(test))) <= 1
    # What is held out for valid whenever it is not tested would never be learnt.
    assert len({frozenset(sets(fold)["valid"]) for fold in folds}) == count


def test_classes_are_dealt_evenly(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", "binary", entries=100)
    task, folds = dealt(rewritten(folder, lambda n, row: row | {"target": str(int(n % 10 == 0))}))
    rare = task.labels.values == 1
    assert [int(rare[fold.entries("test")].sum()) for fold in folds] in ([4, 3, 3], [3, 3, 4])
    assert all(1 <= rare[fold.entries("valid")].sum() <= 3 for fold in folds)


def test_groups_stay_whole(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", "pair_binary", entries=90)
    rewritten(folder, lambda n, row: row | {"complex": f"c{n % 23}"})
    _, folds = dealt(folder, Folding(count=4, groups="complex"))
    for fold in folds:
        parts = [{row % 23 for row in part} for part in sets(fold).values()]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 23
    assert folds[0].name == "task[fold 1 of 4 by complex]"


def test_as_many_groups_as_folds_are_the_folds(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", "regression", entries=70)
    rewritten(folder, lambda n, row: row | {"fold": f"c{n * n % 5}"})
    _, folds = dealt(folder, Folding(count=3, groups="fold"))
    found = {frozenset(n * n % 5 for n in fold.entries("test")) for fold in folds}
    assert found == {frozenset({0}), frozenset({1}), frozenset({4})}


def test_twins_stay_together_whichever_protein_comes_first(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", "pair_binary")
    first, second = (column[0] for column in load_task(folder).sequences)

    def twin(number: int, row: dict[str, str]) -> dict[str, str]:
        if number not in (0, 1, 13, 40):
            return row
        there = {"sequence_a": first, "sequence_b": second}
        back = {"sequence_a": second, "sequence_b": first}
        return row | (back if number == 13 else there)

    rewritten(folder, twin)
    for seed in range(5):
        for fold in dealt(folder, seed=seed)[1]:
            assert any({0, 1, 13, 40} <= part for part in sets(fold).values())


def test_further_test_parts_are_tested_in_every_fold(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", "regression")
    rewritten(folder, lambda n, row: row | {"split": "test_far" if n % 6 == 0 else row["split"]})
    task, folds = dealt(folder)
    far = task.entries("test_far").tolist()
    assert all(fold.entries("test_far").tolist() == far for fold in folds)
    tested = [row for fold in folds for row in fold.entries("test")]
    assert sorted([*tested, *far]) == list(range(len(task)))


@pytest.mark.parametrize(
    ("folding", "told"),
    [
        (Folding(count=1), "1 folds; 2 or more"),
        (Folding(count=0), "0 folds; 2 or more"),
        (Folding(count=61), "61 folds of 60 different entries; ask for 60"),
        (Folding(count=4, groups="kind"), "4 folds of 2 values of kind"),
        (Folding(count=3, groups="species"), "no column 'species'"),
        (Folding(count=3, groups="holes"), "entry e5 has no holes"),
        (Folding(count=59), "entries in valid, 10 are needed"),
    ],
)
def test_what_cannot_be_dealt_is_refused(
    make_run: MakeRun, tmp_path: Path, folding: Folding, told: str
) -> None:
    task = write_task(tmp_path / "task", "binary")
    rewritten(
        task, lambda n, row: row | {"kind": str(n % 2), "holes": "" if n == 5 else str(n // 4)}
    )
    with pytest.raises(EvaluationError, match=told):
        cross_validate(make_run(task, valid_share=0.1), folding)
    assert not (tmp_path / "run").exists()


def test_what_the_folds_come_to(make_run: MakeRun, tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", "regression")
    run = make_run(folder, valid_share=SHARE, seed=3)
    looked: list[int] = []
    found = cross_validate(run, THREE, on_look=lambda fold, look: looked.append(fold))
    assert looked == [number for number in (1, 2, 3) for _ in range(4)]
    assert found == json.loads((run.out / "results.json").read_text())
    task, folds = dealt(folder, seed=3)
    tests = [fold["tests"]["test"]["spearman"] for fold in found["folds"]]
    assert found["mean"]["test"]["spearman"] == pytest.approx(np.mean(tests))
    assert found["standard_deviation"]["test"]["spearman"] == pytest.approx(np.std(tests, ddof=1))
    kept = np.load(run.out / "predictions" / "out_of_fold.npz")
    assert sorted(kept["ids"]) == sorted(task.ids)
    entries = np.concatenate([fold.entries("test") for fold in folds])
    scores = Scoring(task).scores(entries, kept["predictions"].astype(np.float64))
    assert found["out_of_fold"] == pytest.approx(scores)
    assert found["out_of_fold"]["spearman"] > 0.8
    for number, fold in enumerate(folds, 1):
        out = run.out / f"fold-{number:02d}"
        assert {p.name for p in out.iterdir()} >= {"bundle", "results.json", "predictions", "logs"}
        seen = load_bundle(out / "bundle").trained_on()
        assert seen is not None
        held = seen.hold(list(fold.sequences[0]))
        assert held.tolist() == [split != "test" for split in fold.splits]
    assert not (run.out / "fold-01" / "vectors").exists()


@pytest.mark.parametrize("mode", ["frozen", "full"])
def test_a_fold_does_not_depend_on_those_before_it(
    make_run: MakeRun, tmp_path: Path, mode: str
) -> None:
    folder = write_task(tmp_path / "task", "pair_binary")
    given: dict[str, Any] = {"mode": mode, "epochs": 2, "dropout": 0.3, "valid_share": SHARE}
    all_folds, alone = make_run(folder, "all", **given), make_run(folder, "alone", **given)
    cross_validate(all_folds, THREE)
    train_fold(alone, dealt(folder)[1][2], 3, lambda fold, look: None)
    one, other = (run.out / "fold-03" for run in (all_folds, alone))
    for name in SAME:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    for part in ("valid", "test"):
        said = [np.load(out / "predictions" / f"{part}.npz")["predictions"] for out in (one, other)]
        assert np.array_equal(*said)


class StoppedError(Exception):
    """Stands for a crash."""


def at(fold: int, number: int) -> Callable[[int, Look], None]:
    """Crash at a look of a fold."""
    seen: list[int] = []

    def on_look(now: int, look: Look) -> None:
        seen.append(now)
        if now == fold and seen.count(fold) == number:
            raise StoppedError

    return on_look


def test_a_killed_run_goes_on_where_it_was(make_run: MakeRun, tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", "regression")
    given: dict[str, Any] = {"valid_share": SHARE, "checkpoint_every": 2, "dropout": 0.2}
    straight, broken = (make_run(folder, name, **given) for name in ("straight", "broken"))
    cross_validate(straight, THREE)
    with pytest.raises(StoppedError):
        cross_validate(broken, THREE, on_look=at(2, 2))
    # As if it had been killed once more while the next fold's folder was made.
    (broken.out / "fold-03").mkdir()
    looked: list[tuple[int, int]] = []
    cross_validate(
        broken, THREE, resume=True, on_look=lambda fold, look: looked.append((fold, look.step))
    )
    assert {fold for fold, _ in looked} == {2, 3}
    assert min(step for fold, step in looked if fold == 2) > 2
    for fold in ("fold-01", "fold-02", "fold-03"):
        for name in SAME:
            pair = (run.out / fold / name for run in (straight, broken))
            assert len({path.read_bytes() for path in pair}) == 1, name
    found = [json.loads((run.out / "results.json").read_text()) for run in (straight, broken)]
    assert found[0]["out_of_fold"] == found[1]["out_of_fold"]
    assert found[0]["mean"] == found[1]["mean"]


def begun(run: FineTuneRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train two of three folds."""

    def stop(given: Any, task: Task, number: int, *others: Any) -> Any:
        if number == 3:
            raise StoppedError
        return train_fold(given, task, number, *others)

    with monkeypatch.context() as patched:
        patched.setattr("multiprot.finetuning.cross_validation.train_fold", stop)
        with pytest.raises(StoppedError):
            cross_validate(run, THREE)


def test_a_kill_between_folds_loses_nothing(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(write_task(tmp_path / "task", "regression"), epochs=1, valid_share=SHARE)
    begun(run, monkeypatch)
    looked: list[int] = []
    found = cross_validate(run, THREE, resume=True, on_look=lambda fold, look: looked.append(fold))
    assert looked == [3]
    assert [fold["fold"] for fold in found["folds"]] == [1, 2, 3]
    with pytest.raises(TrainingError, match="complete"):
        cross_validate(run, THREE, resume=True)


def test_folds_of_two_models_are_not_joined(
    make_run: MakeRun, tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, model = write_task(tmp_path / "task", "regression"), tmp_path / "model"
    shutil.copytree(tiny_bundle, model)
    run = make_run(task, model=model, epochs=1, valid_share=SHARE)
    begun(run, monkeypatch)
    changed = make_run(task, "changed", mode="full", epochs=1)
    finetune(changed)
    shutil.rmtree(model)
    shutil.copytree(changed.out / "bundle", model)
    with pytest.raises(TrainingError, match="fold 3 began with another model"):
        cross_validate(run, THREE, resume=True)
    assert not (run.out / "results.json").exists()


def test_another_command_is_not_gone_on_with(make_run: MakeRun, tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", "regression")
    run, plain = (make_run(folder, n, epochs=1, valid_share=0.4) for n in ("run", "plain"))
    with pytest.raises(StoppedError):
        cross_validate(run, THREE, on_look=at(1, 1))
    with pytest.raises(TrainingError, match="folds was 3 and is 4"):
        cross_validate(run, Folding(count=4), resume=True)
    with pytest.raises(TrainingError, match="fold_groups was None and is 'id'"):
        cross_validate(run, Folding(count=3, groups="id"), resume=True)
    with pytest.raises(TrainingError, match="folds was 3 and is None"):
        finetune(run, resume=True)
    with pytest.raises(OutputExistsError, match="--resume"):
        cross_validate(run, THREE)
    assert cross_validate(run, Folding(count=2), overwrite=True)["folds"][1]["fold"] == 2
    assert not (run.out / "fold-03").exists()
    finetune(plain)
    (plain.out / "results.json").unlink()
    with pytest.raises(TrainingError, match="folds was None and is 3"):
        cross_validate(plain, THREE, resume=True)


def test_a_refused_model_leaves_nothing_in_the_way(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(write_task(tmp_path / "task", "regression"), mode="lora", valid_share=SHARE)
    with pytest.raises(TrainingError, match="takes no adapters"):
        cross_validate(run, THREE)
    assert not run.out.exists()
