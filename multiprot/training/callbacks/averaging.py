"""Exponential moving average of the weights."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor


class WeightAverage(Callback):  # type: ignore[misc]
    """Keeps an average of the trainable weights and lends it to validation and to the bundle.

    After optimizer step t (from 1) the average moves by 1 - min(decay, (1 + t) / (10 + t)) of the
    way to the weights, so that short runs are not held back by their random start.

    Parameters
    ----------
    decay
        Largest share of the old average that a step keeps, in [0, 1).
    moved_apart
        Names of weights that are averaged, too, though they want no gradient.
    """

    def __init__(self, decay: float, moved_apart: Collection[str] = ()) -> None:
        self.decay = decay
        self._moved_apart = frozenset(moved_apart)
        self.average: dict[str, Tensor] = {}
        self._steps = 0
        self._lent = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with the current weights, unless a checkpoint brought an average along."""
        weights = self._averaged(pl_module)
        if not self.average:
            self.average = {name: weight.detach().clone() for name, weight in weights.items()}
        self.average = {name: self.average[name].to(weights[name].device) for name in weights}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the average once per optimizer step."""
        if trainer.global_step == self._steps:
            return
        self._steps = trainer.global_step
        kept = min(self.decay, (1 + self._steps) / (10 + self._steps))
        weights = self._averaged(pl_module)
        torch._foreach_lerp_(
            [self.average[name] for name in weights],
            [weight.detach() for weight in weights.values()],
            1.0 - kept,
        )

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the average in place of the weights."""
        if self.average and not self._lent:
            self._exchange(pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the weights back."""
        if self._lent:
            self._exchange(pl_module)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Put the weights back where validation was cut short."""
        self.on_validation_end(trainer, pl_module)

    def install(self, module: LightningModule) -> None:
        """Make the average the module's weights for good; the run is over."""
        with torch.no_grad():
            for name, weight in self._averaged(module).items():
                weight.copy_(self.average[name])
        self.average = {}

    def state_dict(self) -> dict[str, Any]:
        """Average and number of steps, for the checkpoint."""
        return {"average": self.average, "steps": self._steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.average = dict(state_dict["average"])
        self._steps = state_dict["steps"]

    @torch.no_grad()
    def _exchange(self, module: LightningModule) -> None:
        for name, weight in self._averaged(module).items():
            held = weight.clone()
            weight.copy_(self.average[name])
            self.average[name].copy_(held)
        self._lent = not self._lent

    def _averaged(self, module: LightningModule) -> dict[str, Tensor]:
        return {
            name: weight
            for name, weight in module.named_parameters()
            if weight.requires_grad or name in self._moved_apart
        }
