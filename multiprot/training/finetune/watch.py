"""Looks at the valid part: the best weights are kept, and training ends when none get better."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from multiprot.training.callbacks.boundary import BoundaryCallback
from multiprot.training.callbacks.checkpoints import Checkpoints
from multiprot.training.finetune.module import trainable


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the valid part.

    Attributes
    ----------
    step
        Optimizer steps taken.
    score
        NaN where the metric is undefined.
    best
        It is the best so far.
    """

    step: int
    score: float
    best: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """How models are compared.

    Attributes
    ----------
    score
        Score of the learner as it is now; NaN where the metric is undefined.
    greater_is_better
        Whether the greater of two scores is the better.
    on_look
        Called after every look.
    """

    score: Callable[[], float]
    greater_is_better: bool
    on_look: Callable[[Look], None] = lambda look: None


class Watch(BoundaryCallback):
    """Scores the learner every so many steps and after the last one.

    Parameters
    ----------
    judge
        Gives the scores.
    every
        Optimizer steps between two looks.
    patience
        Looks without a better score after which training ends.
    checkpoints
        Writes the last checkpoint.

    Attributes
    ----------
    best_score, best_step
        NaN and 0 before the first score that is a number.
    best
        What learns, as it was then, by name.
    """

    def __init__(self, judge: Judge, every: int, patience: int, checkpoints: Checkpoints) -> None:
        super().__init__()
        self.best_score, self.best_step = math.nan, 0
        self.best: dict[str, Tensor] = {}
        self._judge, self._every, self._patience = judge, every, patience
        self._checkpoints = checkpoints
        self._without_gain = 0

    @property
    def stopped_early(self) -> bool:
        """Whether patience is at its end."""
        return self._without_gain >= self._patience

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run that was killed between its end and its bundle takes no further step."""
        super().on_train_start(trainer, pl_module)
        if self.stopped_early:
            trainer.should_stop = True

    def on_boundary(self, trainer: Trainer, module: LightningModule) -> None:
        """Look if it is time to."""
        step = trainer.global_step
        if step % self._every and step != trainer.max_steps:
            return
        self._look(trainer, module)
        if self.stopped_early:
            trainer.should_stop = True
            self._checkpoints.save(trainer)

    def install(self, module: LightningModule) -> None:
        """Make the best weights the learner's."""
        with torch.no_grad():
            for name, weight in trainable(module.learner).items():
                weight.copy_(self.best[name])

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {
            "best": self.best,
            "best_score": self.best_score,
            "best_step": self.best_step,
            "without_gain": self._without_gain,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.best = dict(state_dict["best"])
        self.best_score, self.best_step = state_dict["best_score"], state_dict["best_step"]
        self._without_gain = state_dict["without_gain"]

    def _look(self, trainer: Trainer, module: LightningModule) -> None:
        module.eval()
        score = self._judge.score()
        module.train()
        better = self._better(score)
        if better:
            self.best_score, self.best_step = score, trainer.global_step
            self.best = {
                name: p.detach().cpu().clone() for name, p in trainable(module.learner).items()
            }
        self._without_gain = 0 if better else self._without_gain + 1
        for logger in trainer.loggers:
            logger.log_metrics({"valid/score": score}, step=trainer.global_step)
        self._judge.on_look(Look(step=trainer.global_step, score=score, best=better))

    def _better(self, score: float) -> bool:
        if math.isnan(score) or math.isnan(self.best_score):
            return not math.isnan(score)
        return score > self.best_score if self._judge.greater_is_better else score < self.best_score
