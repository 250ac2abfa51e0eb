"""One training step: forward, objectives, and a look at the gradients before they are used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from multiprot.objectives import TotalResult
from multiprot.training.guard import SeenBatch, refuse_non_finite
from multiprot.training.means import WeightedMeans
from multiprot.training.optim import build_optimizer, build_scheduler, gradient_norm
from multiprot.training.seeding import seed_at
from multiprot.training.settings import OptimizerConfig, ScheduleConfig


class WeightedLosses(Protocol):
    """What `TotalObjective` is, and what may stand in its place; a torch module."""

    @property
    def weights(self) -> Mapping[str, float]:
        """Factor on each loss, by the name of its objective."""
        ...

    def __call__(self, outputs: Any, batch: Any, /) -> TotalResult:
        """The losses of a batch, from what the model made of it."""
        ...


class PretrainModule(LightningModule):  # type: ignore[misc]
    """A model and its objectives, as Lightning wants them.

    Batches come corrupted already: that happens beside the data, in the loader's workers.

    Parameters
    ----------
    model, objectives
        What is trained.
    seed
        The run's seed; dropout follows from it, the batch's number and the process.
    optimizer, schedule, max_steps
        How it is trained.

    Attributes
    ----------
    latest, valid
        Means last taken over train batches and over the valid split, by "objective/metric".
    moved_apart
        Names of parameters that training moves, but not the optimizer.
    """

    moved_apart: tuple[str, ...] = ()

    def __init__(
        self,
        model: nn.Module,
        objectives: WeightedLosses,
        *,
        seed: int,
        optimizer: OptimizerConfig,
        schedule: ScheduleConfig,
        max_steps: int,
    ) -> None:
        super().__init__()
        self.model = model
        self.objectives = objectives
        self.latest: dict[str, float] = {}
        self.valid: dict[str, float] = {}
        self._seed = seed
        self._optimizer = optimizer
        self._schedule = schedule
        self._max_steps = max_steps
        self._seen: list[SeenBatch] = []
        self._means = self._train_means = WeightedMeans()
        self._gradient_norm = torch.zeros(())

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Put dropout where it would be without any interruption before this batch."""
        torch.manual_seed(seed_at(self._seed, "dropout", batch_idx, self.global_rank))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The total loss of one batch."""
        if not self._seen:  # the first batch of an optimizer step
            self._means = WeightedMeans()
        result = self.train_losses(batch)
        losses = {name: part.loss.detach() for name, part in result.results.items()}
        self._seen.append(SeenBatch(batch.ids, losses))
        self._count(result)
        loss: Tensor = result.loss
        return loss

    def train_losses(self, batch: Any) -> TotalResult:
        """Losses of a train batch; of their sum the gradients are taken."""
        return self.objectives(self.model(batch), batch)

    @property
    def reported_weights(self) -> Mapping[str, float]:
        """Factor on each loss, by the name of its objective, in the sum that is reported."""
        return self.objectives.weights

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip, and stop before a gradient that is no number reaches the weights."""
        gradients = [p for group in optimizer.param_groups for p in group["params"]]
        self._gradient_norm = gradient_norm(gradients, self._optimizer.gradient_clip)
        refuse_non_finite(self._gradient_norm, self._seen, self.global_step)
        self._seen = []

    def take_step_metrics(self) -> dict[str, float]:
        """Means over the batches of the last step, learning rate and gradient norm."""
        self.latest = self._take_means()
        schedulers = self.lr_schedulers()
        return {
            **self.latest,
            "learning_rate": schedulers.get_last_lr()[0],
            "gradient_norm": float(self._gradient_norm),
        }

    def on_validation_epoch_start(self) -> None:
        """Put the train means aside."""
        self._train_means, self._means = self._means, WeightedMeans()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Count one batch of the valid split."""
        self._count(self.objectives(self.model(batch), batch))

    def on_validation_epoch_end(self) -> None:
        """Keep the means over the split in `valid`."""
        self.valid = self._take_means()
        self._means = self._train_means

    def configure_optimizers(self) -> dict[str, Any]:
        """The recipe's optimizer, its learning rate set after every step."""
        optimizer = build_optimizer(self, self._optimizer)
        scheduler = build_scheduler(optimizer, self._schedule, self._max_steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def _count(self, result: TotalResult) -> None:
        for name, part in result.results.items():
            values = {"loss": part.loss, **part.metrics}
            self._means.add({f"{name}/{key}": v for key, v in values.items()}, part.weight)

    def _take_means(self) -> dict[str, float]:
        means, self._means = self._means.compute(), WeightedMeans()
        weights = self.reported_weights
        total = sum(weights[name] * means.get(f"{name}/loss", 0.0) for name in weights)
        return {"loss": total, **means}
