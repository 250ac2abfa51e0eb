"""A learner as Lightning wants it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from multiprot.errors import TrainingError
from multiprot.training.finetune.options import FineTuneOptions
from multiprot.training.optim import build_scheduler, gradient_norm, trainable_parameters
from multiprot.training.seeding import seed_at
from multiprot.training.settings import ScheduleConfig

_WARM_UP = 0.1
_FINAL = 0.05
_IDS_NAMED = 8


class Learner(nn.Module, ABC):
    """What learns: a head, and perhaps the model below it.

    Attributes
    ----------
    head
        Learns at the head's own rate; all else that wants a gradient, at the backbone's.
    """

    head: nn.Module

    @abstractmethod
    def loss(self, batch: Any) -> Tensor:
        """Scalar: the mean over the rows of a batch that bears the `ids` of its entries."""


class FineTuneModule(LightningModule):  # type: ignore[misc]  # lightning is untyped here
    """Steps, and a look at the gradients before they are used.

    Parameters
    ----------
    learner
        What learns.
    options
        Rates, clipping, seed.
    max_steps
        Optimizer steps in all.

    Attributes
    ----------
    latest
        Metrics of the step last logged.
    """

    def __init__(self, learner: Learner, options: FineTuneOptions, max_steps: int) -> None:
        super().__init__()
        self.learner = learner
        self.latest: dict[str, float] = {}
        # Checkpoints hold what learns; all else is the model that the run began with.
        self.strict_loading = False
        self._options = options
        self._max_steps = max_steps
        self._loss = torch.zeros(())
        self._norm = torch.zeros(())
        self._ids: tuple[str, ...] = ()

    def on_train_start(self) -> None:
        """Dropout from the first step on: a loaded model is in evaluation mode, and stays so."""
        self.train()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Dropout follows from the seed and the step alone."""
        torch.manual_seed(seed_at(self._options.seed, "dropout", self.global_step))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of one batch."""
        loss = self.learner.loss(batch)
        self._loss, self._ids = loss.detach(), batch.ids
        return loss

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip, and stop before a gradient that is no number reaches the weights.

        Raises
        ------
        TrainingError
            If a gradient is NaN or infinite.
        """
        gradients = [p for group in optimizer.param_groups for p in group["params"]]
        self._norm = gradient_norm(gradients, self._options.gradient_clip)
        if math.isfinite(float(self._norm)):
            return
        named = ", ".join(self._ids[:_IDS_NAMED]) + (" …" if len(self._ids) > _IDS_NAMED else "")
        raise TrainingError(
            f"step {self.global_step + 1}: the loss is {float(self._loss)} and the gradient norm "
            f"{float(self._norm)}; the batch's entries are {named}; the weights were not touched: "
            "look at these entries, or lower the learning rates"
        )

    def take_step_metrics(self) -> dict[str, float]:
        """Loss, learning rate of the head and gradient norm of the last step."""
        self.latest = {
            "loss": float(self._loss),
            "learning_rate": self.lr_schedulers().get_last_lr()[0],
            "gradient_norm": float(self._norm),
        }
        return self.latest

    def configure_optimizers(self) -> dict[str, Any]:
        """AdamW, with its learning rates set after every optimizer step."""
        optimizer = AdamW(_groups(self.learner, self._options), lr=self._options.head_lr)
        warm_up = round(_WARM_UP * self._max_steps)
        schedule = ScheduleConfig(
            warmup_steps=warm_up, shape=self._options.schedule, final_lr=_FINAL
        )
        scheduler = build_scheduler(optimizer, schedule, self._max_steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what does not learn."""
        kept = set(trainable(self.learner)) | {
            f"head.{name}" for name in self.learner.head.state_dict()
        }
        checkpoint["state_dict"] = {
            name: tensor
            for name, tensor in checkpoint["state_dict"].items()
            if name.removeprefix("learner.") in kept
        }


def trainable(learner: Learner) -> dict[str, nn.Parameter]:
    """Parameters that learn, by name."""
    return {name: p for name, p in learner.named_parameters() if p.requires_grad}


def _groups(learner: Learner, options: FineTuneOptions) -> list[dict[str, Any]]:
    """Head before backbone, matrices before what does not decay."""
    of_head = {id(p) for p in learner.head.parameters()}
    grouped: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter, decays in trainable_parameters(learner):
        grouped.setdefault((id(parameter) in of_head, decays), []).append(parameter)
    return [
        {
            "params": grouped[head, decays],
            "lr": options.head_lr if head else options.backbone_lr,
            "weight_decay": options.weight_decay if decays else 0.0,
        }
        for head, decays in sorted(grouped, reverse=True)
    ]
