"""Steps, looks and the best weights, without any task."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from multiprot.errors import TrainingError
from multiprot.training.checkpoint_files import list_checkpoints
from multiprot.training.finetune.fit import Fitted, Work, fit, resume_point
from multiprot.training.finetune.module import Learner
from multiprot.training.finetune.options import FineTuneOptions
from multiprot.training.finetune.plan import EntryPlan
from multiprot.training.finetune.watch import Judge, Look
from multiprot.training.run_folder import RunFolder


@dataclass
class Batch:
    ids: tuple[str, ...]
    values: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> Batch:
        return Batch(self.ids, self.values.to(device))


class Line(Learner):
    """One weight that is pulled towards 1, behind a frozen and a learning part."""

    def __init__(self, *, spoilt_by: str = "") -> None:
        super().__init__()
        self.head: nn.Module = nn.Linear(1, 1, bias=False)
        self.body = nn.Linear(1, 1, bias=False)
        self.frozen = nn.Linear(1, 1).requires_grad_(False)
        nn.init.zeros_(self.head.weight)
        self._spoilt_by = spoilt_by

    def loss(self, batch: Batch) -> Tensor:
        pull = (self.head.weight - 1).square().sum() + 0 * self.body.weight.sum()
        return pull * (math.nan if self._spoilt_by in batch.ids else 1.0)


def run(
    folder: Path,
    learner: Line,
    score: Callable[[], float],
    looks: list[Look] | None = None,
    *,
    greater_is_better: bool = True,
    **given: Any,
) -> Fitted:
    options = FineTuneOptions.model_validate({"head_lr": 0.1, "schedule": "constant"} | given)
    work = Work(
        learner=learner,
        plan=EntryPlan(np.ones(8, np.int64), seed=0, tokens=100, entries=2),
        make=lambda rows: Batch(tuple(f"e{row}" for row in rows), torch.ones(len(rows))),
        judge=Judge(
            score=score,
            greater_is_better=greater_is_better,
            on_look=(looks if looks is not None else []).append,
        ),
    )
    return fit(work, options, RunFolder(folder), checkpoint=resume_point(RunFolder(folder)))


def test_it_looks_once_an_epoch_and_keeps_the_best(tmp_path: Path) -> None:
    learner, looks = Line(), list[Look]()
    scores = iter([0.1, 0.9, 0.3])
    kept = []

    def score() -> float:
        kept.append(learner.head.weight.item())
        assert not learner.training
        return next(scores)

    found = run(tmp_path, learner, score, looks, epochs=3)
    assert [look.step for look in looks] == [4, 8, 12]
    assert [look.best for look in looks] == [True, True, False]
    assert (found.best_step, found.best_score, found.steps) == (8, 0.9, 12)
    assert learner.head.weight.item() == kept[1] != kept[2]
    assert found.parameters == 2
    assert list_checkpoints(tmp_path / "checkpoints")[-1].name == "step-00000012.ckpt"


def test_less_may_be_better(tmp_path: Path) -> None:
    scores = iter([3.0, 2.0, 5.0])
    found = run(tmp_path, Line(), lambda: next(scores), epochs=3, greater_is_better=False)
    assert (found.best_step, found.best_score) == (8, 2.0)


def test_patience_counts_undefined_scores_too(tmp_path: Path) -> None:
    looks: list[Look] = []
    scores = iter([math.nan, 0.5, math.nan, 0.5, 0.4, 0.9])
    found = run(tmp_path, Line(), lambda: next(scores), looks, epochs=9, patience=3)
    assert found.stopped_early
    assert (found.best_step, len(looks)) == (8, 5)
    assert found.steps == looks[-1].step == 20


def test_a_score_that_was_never_defined_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="never defined"):
        run(tmp_path, Line(), lambda: math.nan, epochs=1)


def test_a_loss_that_is_no_number_names_the_entries(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"loss is nan.*e5.*lower the learning rates"):
        run(tmp_path, Line(spoilt_by="e5"), lambda: 0.0, epochs=1)


def test_checkpoints_hold_what_learns_alone(tmp_path: Path) -> None:
    run(tmp_path, Line(), lambda: 0.0, epochs=1)
    content = torch.load(list_checkpoints(tmp_path / "checkpoints")[-1], weights_only=True)
    assert set(content["state_dict"]) == {"learner.head.weight", "learner.body.weight"}


def test_rates_of_head_and_backbone(tmp_path: Path) -> None:
    run(tmp_path, Line(), lambda: 0.0, max_steps=1, head_lr=0.5, backbone_lr=0.25, weight_decay=0.1)
    content = torch.load(list_checkpoints(tmp_path / "checkpoints")[-1], weights_only=True)
    (optimizer,) = content["optimizer_states"]
    rates = [group["initial_lr"] for group in optimizer["param_groups"]]
    assert rates == [0.5, 0.25]


def test_a_finished_run_takes_no_further_step(tmp_path: Path) -> None:
    scores = iter([0.9, 0.1, 0.1])
    first = run(tmp_path, Line(), lambda: next(scores), epochs=9, patience=2)
    assert first.stopped_early
    again = run(tmp_path, Line(), lambda: pytest.fail("looked again"), epochs=9, patience=2)
    assert again == first


def test_an_unknown_device_is_refused(tmp_path: Path) -> None:
    work: Any = Work(
        learner=Line(),
        plan=EntryPlan(np.ones(8, np.int64), seed=0, tokens=100, entries=2),
        make=lambda rows: rows,
        judge=Judge(score=lambda: 0.0, greater_is_better=True),
    )
    with pytest.raises(TrainingError, match=r"cuda:3.*CUDA_VISIBLE_DEVICES"):
        fit(work, FineTuneOptions(), RunFolder(tmp_path), device="cuda:3")
