"""One training step: forward, objectives, and a look at the gradients before they are used."""

from __future__ import annotations

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from multiprot.encoders.contract import FusionOutputs, ProteinBatch
from multiprot.fusion import FusionModel
from multiprot.objectives import TotalObjective
from multiprot.training.guard import SeenBatch
from multiprot.training.means import WeightedMeans
from multiprot.training.seeding import seed_at
from multiprot.training.settings import OptimizerConfig, ScheduleConfig


class PretrainModule(LightningModule):
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
    """

    def __init__(
        self,
        model: FusionModel,
        objectives: TotalObjective,
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
        self._seed = seed
        self._optimizer = optimizer
        self._schedule = schedule
        self._max_steps = max_steps
        self._seen: list[SeenBatch] = []
        self._means = WeightedMeans()
        self._gradient_norm = torch.zeros(())

    def on_train_batch_start(self, batch: ProteinBatch, batch_idx: int) -> None:
        """Put dropout where it would be without any interruption before this batch."""
        torch.manual_seed(seed_at(self._seed, "dropout", batch_idx, self.global_rank))

    def training_step(self, batch: ProteinBatch, batch_idx: int) -> Tensor:
        """The total loss of one batch."""
        if not self._seen:
            self._means = WeightedMeans()
        _, result = self._evaluate(batch)
        self._seen.append(SeenBatch(batch.ids, _losses(result)))
        _count(self._means, result)
        loss: Tensor = result.loss
        return loss

    def validation_step(self, batch: ProteinBatch, batch_idx: int) -> FusionOutputs:
        """Objectives without dropout; the outputs go to callbacks."""
        outputs, result = self._evaluate(batch)
        _count(self._means, result)
        return outputs
