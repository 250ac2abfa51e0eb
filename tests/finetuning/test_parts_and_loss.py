"""Which entries are used, and what outputs are compared with."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from multiprot.bundle import PredictionHead, PredictionSettings
from multiprot.evaluation.tasks import Target, load_task
from multiprot.finetuning.loss import TaskLoss, label_tensor
from multiprot.finetuning.parts import Parts
from multiprot.finetuning.scoring import Scoring
from tests.finetuning.planted import write_task


def rewrite(folder: Path, change: dict[int, dict[str, str]]) -> None:
    """Change cells of a task's table by row and column."""
    with (folder / "data.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for number, cells in change.items():
        rows[number] |= cells
    with (folder / "data.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def test_parts_are_the_tasks_own(tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path / "task", "binary"))
    parts = Parts.of(task, 0.5)
    assert parts.counts() == {"train": 36, "valid": 12, "test": 12}
    assert not parts.held_out
    assert np.array_equal(parts.all(), np.arange(60))


def test_twins_are_held_out_together_whatever_their_order(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", "binary", entries=100, valid=False)
    twin = load_task(folder).sequences[0][0]
    rewrite(folder, {n: {"sequence": twin} for n in (1, 2, 10)})
    task = load_task(folder)
    parts = Parts.of(task, 0.3)
    held = set(parts.valid.tolist())
    assert len({row in held for row in (0, 1, 2, 10)}) == 1
    assert not held & set(parts.train.tolist())
    more = set(Parts.of(task, 0.6).valid.tolist())
    assert held < more


@pytest.mark.parametrize("rarer", [3, 12])
def test_balanced_classes_weigh_the_same_in_all(tmp_path: Path, rarer: int) -> None:
    folder = write_task(tmp_path / "task", "multiclass")
    train = [row for row in range(60) if row % 5 < 3]
    rewrite(
        folder, {r: {"target": "greasy" if i < rarer else "charged"} for i, r in enumerate(train)}
    )
    task = load_task(folder)
    entries = task.entries("train")
    weights = TaskLoss(task, entries, balanced=True).weights
    counts = np.bincount(task.labels.values[entries])
    np.testing.assert_allclose(weights.numpy() * counts, counts.sum() / 2, rtol=1e-6)
    assert TaskLoss(task, entries, balanced=False).weights is None


def test_losses_are_those_of_the_textbook(tmp_path: Path) -> None:
    found = {}
    for name in ("regression", "binary", "multiclass", "multilabel"):
        task = load_task(write_task(tmp_path / name, name))
        entries = task.entries("train")[:4]
        names = task.labels.names if name != "regression" else ()
        head = PredictionHead(
            PredictionSettings(task=name, unit="protein", target=name, class_names=names, width=2)  # type: ignore[arg-type]
        )
        head.target_center.fill_(90.0)
        head.target_spread.fill_(10.0)
        labels = label_tensor(task.labels.target, task.labels.values[entries])
        outputs = torch.zeros(4, head.settings.outputs)
        found[name] = float(TaskLoss(task, entries, balanced=False)(outputs, labels, head))
        if name == "regression":
            values = task.labels.values[entries]
            assert found[name] == pytest.approx(np.mean(((values - 90) / 10) ** 2), rel=1e-5)
    assert found["binary"] == pytest.approx(math.log(2))
    assert found["multiclass"] == pytest.approx(math.log(2))
    assert found["multilabel"] == pytest.approx(math.log(2))


def test_labels_keep_their_kind() -> None:
    assert label_tensor(Target.MULTICLASS, np.array([2, 0])).dtype == torch.int64
    assert label_tensor(Target.MULTILABEL, np.array([[True, False]])).tolist() == [[1.0, 0.0]]
    assert label_tensor(Target.REGRESSION, np.array([1.5])).dtype == torch.float32


def test_residues_without_a_label_count_nowhere(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", "residue_binary", ignore_label="-")
    first = load_task(folder).sequences[0][3]
    rewrite(folder, {3: {"target": "-" + "1" * (len(first) - 1)}})
    task = load_task(folder)
    scoring = Scoring(task)
    entries = task.entries("valid")
    rows = task.labels.rows(entries)
    assert len(rows) == sum(len(task.sequences[0][e]) for e in entries) - 1
    perfect = task.labels.values[rows].astype(np.float64)
    assert scoring.score(entries, perfect) == 1.0
    assert scoring.scores(entries, perfect)["accuracy"] == 1.0
    assert math.isnan(scoring.score(entries[:1], perfect[: len(first) - 1]))
