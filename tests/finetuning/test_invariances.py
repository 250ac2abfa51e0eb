"""What must not change a fine-tuned head, and what must change it in step."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from multiprot.bundle import PredictionHead, PredictionSettings
from multiprot.bundle.prediction import load_head, save_head
from multiprot.errors import BundleError, TrainingError
from multiprot.evaluation.tasks import load_task
from multiprot.finetuning import finetune
from multiprot.finetuning.parts import Parts
from tests.finetuning.conftest import MakeRun
from tests.finetuning.planted import write_task


def change_targets(folder: Path, change: Any) -> None:
    """Replace every target by what `change` makes of it."""
    with (folder / "data.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "data.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows({**row, "target": change(row["target"])} for row in rows)


@pytest.mark.parametrize(("scale", "shift"), [(8.0, 0.0), (0.01, -3.0)])
def test_scaled_and_shifted_targets_give_such_predictions(
    make_run: MakeRun, tmp_path: Path, scale: float, shift: float
) -> None:
    said = []
    for name in ("plain", "changed"):
        task = write_task(tmp_path / name, "regression")
        if name == "changed":
            change_targets(task, lambda target: repr(float(target) * scale + shift))
        run = make_run(task, f"run-{name}", epochs=2)
        finetune(run)
        said.append(np.load(run.out / "predictions" / "test.npz")["predictions"])
    span = np.ptp(said[0])
    assert span > 0
    np.testing.assert_allclose((said[1] - shift) / scale, said[0], atol=1e-3 * span)


@pytest.mark.parametrize("greater", [True, False])
def test_the_weights_kept_are_those_of_the_best_look(
    make_run: MakeRun, tmp_path: Path, greater: bool
) -> None:
    metric = "pearson" if greater else "rmse"
    task = write_task(tmp_path / "task", "regression", primary_metric=metric)
    looks: list[tuple[int, float, bool]] = []
    run = make_run(task, epochs=8, patience=3, validate_every=1, head_lr=0.5)
    found = finetune(run, on_look=lambda look: looks.append((look.step, look.score, look.best)))
    scores = np.array([score for _, score, _ in looks])
    best = int(scores.argmax() if greater else scores.argmin())
    assert found["best_step"] == looks[best][0]
    assert found["valid"][metric] == pytest.approx(scores[best])
    assert looks[best][2]
    assert not any(flag for _, _, flag in looks[best + 1 :])


@given(share=st.floats(0.2, 0.6), seed=st.integers(0, 5))
def test_a_held_out_sequence_is_never_learnt(
    tmp_path_factory: pytest.TempPathFactory, share: float, seed: int
) -> None:
    folder = write_task(
        tmp_path_factory.mktemp("held") / "task", "regression", entries=150, valid=False
    )
    rng = np.random.default_rng(seed)
    with (folder / "data.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for number in rng.choice(len(rows), 60, replace=False):
        rows[number]["sequence"] = rows[int(rng.integers(len(rows)))]["sequence"]
    with (folder / "data.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    task = load_task(folder)
    parts = Parts.of(task, share)
    learnt, held = ({task.sequences[0][r] for r in part} for part in (parts.train, parts.valid))
    assert not learnt & held
    assert sorted([*parts.train, *parts.valid]) == task.entries("train").tolist()


class StoppedError(Exception):
    """Stands for a crash."""


def test_resuming_with_other_options_names_each(make_run: MakeRun, tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", "binary")

    def stop(look: object) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        finetune(make_run(task), on_look=stop)
    for name, value in (
        ("mode", "full"),
        ("dropout", 0.5),
        ("hidden", 3),
        ("seed", 1),
        ("class_weights", "balanced"),
        ("batch_entries", 8),
    ):
        with pytest.raises(TrainingError, match=rf"options\.{name} was .* and is {value!r}"):
            finetune(make_run(task, **{name: value}), resume=True)
    assert finetune(make_run(task, log_every=5), resume=True)["steps"] > 0


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("regression", ("a",)),
        ("binary", ()),
        ("binary", ("a",)),
        ("multiclass", ()),
        ("multilabel", ()),
    ],
)
def test_names_that_do_not_fit_the_target_are_refused(target: str, names: tuple[str, ...]) -> None:
    told = {"task": "t", "unit": "protein", "target": target, "class_names": names, "width": 2}
    with pytest.raises(ValidationError, match=f"{len(names)} class names do not fit {target}"):
        PredictionSettings.model_validate(told)


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_a_cut_head_is_no_head(tmp_path: Path, kept: int) -> None:
    settings = PredictionSettings(task="t", unit="protein", target="regression", width=5)
    path = tmp_path / "prediction.safetensors"
    save_head(PredictionHead(settings), path)
    assert torch.equal(load_head(path).spread, torch.ones(5))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BundleError, match=str(path)):
        load_head(path)
