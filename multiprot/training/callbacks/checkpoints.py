"""When checkpoints are written and which of them stay."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import LightningModule, Trainer

from multiprot.training.callbacks.boundary import BoundaryCallback
from multiprot.training.checkpoint_files import checkpoint_path, list_checkpoints


class Checkpoints(BoundaryCallback):
    """Writes a checkpoint every so many steps and after the last one.

    Parameters
    ----------
    folder
        Where they go, as step-00000100.ckpt and so on.
    every
        Optimizer steps between two.
    kept
        How many of the newest stay.
    """

    def __init__(self, folder: Path, every: int, kept: int) -> None:
        super().__init__()
        self.folder = folder
        self._every = every
        self._kept = kept

    def on_boundary(self, trainer: Trainer, module: LightningModule) -> None:
        """Write one if it is time to."""
        step = trainer.global_step
        if step % self._every == 0 or step == trainer.max_steps:
            self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        """Write the checkpoint of this step, unless it is there, and remove the oldest."""
        path = checkpoint_path(self.folder, trainer.global_step)
        if not trainer.strategy.broadcast(path.exists()):
            trainer.save_checkpoint(path)
        if trainer.is_global_zero:
            for outdated in list_checkpoints(self.folder)[: -self._kept]:
                outdated.unlink(missing_ok=True)
