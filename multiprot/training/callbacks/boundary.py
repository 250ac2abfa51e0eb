"""The one moment in a step at which a run may be saved or left."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class BoundaryCallback(Callback):  # type: ignore[misc]
    """Calls `on_boundary` once per optimizer step, when all that belongs to the step is done.

    That is after the step's last batch or, where validation follows it, after the validation: a
    checkpoint written there continues with the next step, and no look at the valid split is
    skipped or repeated.
    """

    def __init__(self) -> None:
        self._seen = 0

    def on_boundary(self, trainer: Trainer, module: LightningModule) -> None:
        """Whatever a subclass does between two optimizer steps."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember where the run begins, so that a resumed one has no boundary of its own."""
        self._seen = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Boundary of a step without validation."""
        if not _validation_follows(trainer):
            self._reach(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Boundary of a step with validation."""
        if trainer.state.fn == "fit":
            self._reach(trainer, pl_module)

    def _reach(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.global_step != self._seen:
            self._seen = trainer.global_step
            self.on_boundary(trainer, module)


def _validation_follows(trainer: Trainer) -> bool:
    batches = trainer.val_check_interval
    if not isinstance(batches, int) or not trainer.enable_validation:
        return False
    steps = max(1, batches // trainer.accumulate_grad_batches)
    return bool(trainer.global_step % steps == 0)
