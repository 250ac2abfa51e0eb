"""Numbers that are differences of a mutant from its wild type."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from multiprot.bundle import PredictionSettings, load_bundle
from multiprot.errors import BundleError, EvaluationError
from multiprot.evaluation.tasks import load_task
from multiprot.finetuning import Folding, Predictor, finetune
from multiprot.finetuning.entries import TableEntry, read_entries
from multiprot.finetuning.folds import fold_tasks
from multiprot.finetuning.wild_type import with_wild_type
from multiprot.training.finetune.options import FineTuneOptions
from tests.finetuning.conftest import MakeRun
from tests.finetuning.planted import CHARGED, GREASY, charge, sequence, write_task

PAIR = ("wild_a", "wild_b")


def mutants(folder: Path, *, pair: bool = True, entries: int = 80) -> Path:
    """A task of the change in charge from wild types that differ as much as their mutants."""
    write_task(folder, "pair_regression" if pair else "regression", entries=entries)
    rng = np.random.default_rng(5)
    with (folder / "data.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    places = ("_a", "_b") if pair else ("",)
    for number, row in enumerate(rows):
        letters = (CHARGED, GREASY)
        wild = [sequence(rng, letters[int(rng.integers(2))], 20) for _ in places]
        mutant = [sequence(rng, letters[number // 5 % 2], 20) for _ in places]
        row |= {f"wild{p}": text for p, text in zip(places, wild, strict=True)}
        row |= {f"sequence{p}": text for p, text in zip(places, mutant, strict=True)}
        row["target"] = repr(sum(map(charge, mutant)) - sum(map(charge, wild)))
    with (folder / "data.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return folder


@pytest.mark.parametrize("mode", ["frozen", "full"])
def test_differences_are_learnt_from_both(make_run: MakeRun, tmp_path: Path, mode: str) -> None:
    folder = mutants(tmp_path / "task")
    told: dict[str, Any] = {"mode": mode, "epochs": 10, "head_lr": 0.03}
    scores = {
        name: finetune(make_run(folder, name, wild_type=columns, **told))["tests"]["test"]
        for name, columns in (("both", PAIR), ("mutant", ()))
    }
    assert scores["both"]["spearman"] > 0.85
    assert scores["mutant"]["spearman"] < scores["both"]["spearman"] - 0.1


@pytest.mark.parametrize("hidden", [None, 6])
def test_equals_differ_by_nothing_and_the_way_back_is_the_negative(
    make_run: MakeRun, tmp_path: Path, hidden: int | None
) -> None:
    run = make_run(mutants(tmp_path / "task"), wild_type=PAIR, hidden=hidden, epochs=2)
    finetune(run)
    predictor = Predictor.open(run.out / "bundle")
    one, other = ("KLDE", "AAAVVK"), ("KLDEE", "AAVVK")
    asked = [(*one, *other), (*other, *one), (*one, *one), (*one[::-1], *other[::-1])]
    said = [
        found.values[0]
        for found in predictor.entries(TableEntry(str(n), s) for n, s in enumerate(asked))
    ]
    assert said[0] != 0
    assert said[1] == -said[0]
    assert said[2] == 0
    assert said[3] == said[0]


@pytest.mark.parametrize("mode", ["frozen", "full"])
def test_the_bundle_predicts_as_the_run_did(make_run: MakeRun, tmp_path: Path, mode: str) -> None:
    run = make_run(mutants(tmp_path / "task"), wild_type=PAIR, mode=mode, epochs=1)
    finetune(run)
    predictor = Predictor.open(run.out / "bundle")
    kept = np.load(run.out / "predictions" / "test.npz")
    entries = {e.id: e for e in read_entries(run.task / "data.csv", predictor.settings)}
    said = predictor.entries(entries[name] for name in kept["ids"])
    values = np.concatenate([one.values for one in said])
    np.testing.assert_allclose(values, kept["predictions"], atol=1e-4)
    seen = load_bundle(run.out / "bundle").trained_on()
    assert seen is not None
    wild = with_wild_type(load_task(run.task), PAIR)
    learnt = wild.entries("train")
    assert seen.hold([wild.sequences[2][row] for row in learnt]).all()


def test_one_mutant_of_two_wild_types_is_no_twin(tmp_path: Path) -> None:
    folder = mutants(tmp_path / "task")
    text = (folder / "data.csv").read_text().splitlines()
    header, first = text[0].split(","), text[1].split(",")
    alike = dict(zip(header, first, strict=True))
    for number, wild in ((2, "KLDE"), (3, alike["wild_a"])):
        row = alike | {"id": f"e{number - 1}", "wild_a": wild}
        text[number] = ",".join(row[name] for name in header)
    (folder / "data.csv").write_text("\n".join(text) + "\n")
    task = with_wild_type(load_task(folder), PAIR)
    apart = 0
    for seed in range(8):
        folds = fold_tasks(task, Folding(count=4), valid_share=0.3, seed=seed)
        (home,) = (n for n, fold in enumerate(folds) if 0 in fold.entries("test"))
        assert 2 in folds[home].entries("test")
        apart += 1 not in folds[home].entries("test")
    assert apart


def test_what_has_no_wild_type_is_refused(make_run: MakeRun, tmp_path: Path) -> None:
    folder = mutants(tmp_path / "task")
    binary = write_task(tmp_path / "binary", "binary")
    for task, columns, told in (
        (folder, ("wild_a",), r"1 columns of the wild type \(wild_a\); one for each of sequence_a"),
        (folder, ("wild_a", "none"), "no column 'none'"),
        (folder, ("wild_a", "target"), r"entry e0: '.*' in target is no sequence"),
        (binary, ("sequence",), "a number of whole proteins, and this task is binary"),
    ):
        with pytest.raises(EvaluationError, match=told):
            finetune(make_run(task, wild_type=columns))
        assert not (tmp_path / "run").exists()
    with pytest.raises(ValidationError, match="head graph predicts no differences"):
        FineTuneOptions.model_validate({"head": "graph", "wild_type": PAIR})
    with pytest.raises(ValidationError, match="this head is for binary of pair"):
        PredictionSettings(
            task="t", unit="pair", target="binary", class_names=("0", "1"), width=2, wild_type=PAIR
        )


def test_a_head_of_differences_needs_both(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(mutants(tmp_path / "task"), wild_type=PAIR, epochs=1)
    finetune(run)
    head = load_bundle(run.out / "bundle").load_prediction()
    with pytest.raises(BundleError, match="two vectors a row and as many of the wild type"):
        head(head.center[None], head.center[None])
