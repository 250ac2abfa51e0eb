"""Scores squashed before the cross-entropy, as STEPS released it: the loss has a floor."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from multiprot.bundle import PredictionHead, PredictionSettings
from multiprot.bundle.prediction import load_head, save_head
from multiprot.errors import EvaluationError
from multiprot.evaluation.tasks import load_task
from multiprot.finetuning import Predictor, finetune
from multiprot.finetuning.loss import TaskLoss
from multiprot.finetuning.parts import Parts
from tests.finetuning.conftest import MakeRun
from tests.finetuning.planted import write_task

FLOORS = {2: 0.127, 10: 0.797, 384: 3.967}
"""log(1 + (C - 1) e^-2), nats."""


def task_of_classes(folder: Path, classes: int) -> Path:
    """Each class once in every part; the loss looks at the labels alone."""
    folder.mkdir()
    kind = "binary" if classes == 2 else "multiclass"
    told = {"name": "classes", "task_type": kind, "primary_metric": "accuracy"}
    (folder / "task.json").write_text(json.dumps(told))
    with (folder / "data.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "sequence", "target", "split"])
        for split in ("train", "valid", "test"):
            for number in range(max(classes, 10)):
                label = number % classes if classes == 2 else f"c{number % classes:03d}"
                table.writerow([f"{split}{number}", "MKV", label, split])
    return folder


def lowest_loss(folder: Path, classes: int, scores: str) -> float:
    """Of a head whose scores before the squashing are as certain as can be."""
    task = load_task(task_of_classes(folder, classes))
    parts = Parts.of(task, 0.1)
    loss = TaskLoss(task, parts.train, balanced=False)
    outputs, labels = _certain(classes)
    settings = PredictionSettings.model_validate(
        {
            "task": "t",
            "unit": "protein",
            "target": task.labels.target.value,
            "class_names": task.labels.names,
            "width": outputs.shape[1],
            "scores": scores,
        }
    )
    head = PredictionHead(settings).eval()
    linear = head.layers[1]
    torch.nn.init.eye_(linear.weight)
    torch.nn.init.zeros_(linear.bias)
    return float(loss(head(outputs), labels, head).detach())


def _certain(classes: int) -> tuple[Tensor, Tensor]:
    """Inputs that the identity makes scores of ±1,000, and the labels they are right about."""
    if classes == 2:
        return torch.tensor([[-1000.0], [1000.0]]), torch.tensor([0.0, 1.0])
    return torch.eye(classes) * 2000 - 1000, torch.arange(classes)


@pytest.mark.parametrize("classes", FLOORS)
def test_squashed_scores_have_a_floor_and_plain_ones_have_none(
    classes: int, tmp_path: Path
) -> None:
    floor = math.log(1 + (classes - 1) * math.exp(-2))
    assert floor == pytest.approx(FLOORS[classes], abs=1e-3)
    assert lowest_loss(tmp_path / "squashed", classes, "tanh") == pytest.approx(floor, abs=1e-4)
    assert lowest_loss(tmp_path / "plain", classes, "plain") == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_training_stops_at_the_floor_or_goes_below_it(
    kind: str, make_run: MakeRun, tmp_path: Path
) -> None:
    """Two classes that a line tells apart: all that keeps the loss up is the squashing."""
    task, last = write_task(tmp_path / "task", kind), {}
    for scores in ("tanh", "plain"):
        run = make_run(
            task, scores, scores=scores, epochs=60, patience=60, head_lr=0.2, weight_decay=0.0
        )
        finetune(run)
        rows = list(csv.DictReader((run.out / "logs" / "train.csv").open()))
        last[scores] = float(rows[-1]["loss"])
    floor = math.log1p(math.exp(-2))
    assert last["tanh"] >= floor
    assert last["plain"] < 0.9 * floor


def test_yes_and_no_are_two_squashed_scores_with_opposite_signs() -> None:
    """One output z is as two outputs -z and z of Linear, Tanh, cross-entropy."""
    settings = PredictionSettings(
        task="t", unit="protein", target="binary", class_names=("n", "y"), width=4, scores="tanh"
    )
    torch.manual_seed(0)
    head, rows = PredictionHead(settings).eval(), torch.randn(5, 4)
    raw = head.layers(rows)
    both = torch.cat([-raw, raw], dim=1).tanh().softmax(dim=1)
    torch.testing.assert_close(head.predictions(head(rows)), both[:, 1].double())


def test_they_are_kept_in_the_bundle(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(write_task(tmp_path / "task", "multiclass"), scores="tanh")
    finetune(run)
    predictor = Predictor.open(run.out / "bundle")
    assert predictor.settings.scores == "tanh"


def test_heads_without_them_are_saved_as_before(tmp_path: Path) -> None:
    """Versions that do not know the setting can read the file."""
    settings = PredictionSettings(task="t", unit="protein", target="regression", width=4)
    save_head(PredictionHead(settings), tmp_path / "head")
    assert b"scores" not in (tmp_path / "head").read_bytes()
    assert load_head(tmp_path / "head").settings == settings


def test_numbers_and_label_sets_are_refused(make_run: MakeRun, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="for classes that exclude one another"):
        PredictionSettings(task="t", unit="protein", target="regression", width=4, scores="tanh")
    run = make_run(write_task(tmp_path / "task", "multilabel"), scores="tanh")
    with pytest.raises(EvaluationError, match="this task is multilabel; leave --scores out"):
        finetune(run)
    assert not run.out.exists()
