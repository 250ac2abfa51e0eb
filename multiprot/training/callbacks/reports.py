"""Rows for the logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from multiprot.training.callbacks.timing import Stopwatch


class Reports(Callback):  # type: ignore[misc]
    """Logs a row of "train/…" and "timing/…" every so many steps, and "valid/…" at validations.

    Parameters
    ----------
    stopwatch
        Where timing comes from.
    every
        Optimizer steps between two rows.
    """

    def __init__(self, stopwatch: Stopwatch, every: int) -> None:
        self._stopwatch = stopwatch
        self._every = every
        self._step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember where the run begins."""
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log a train row if it is time to."""
        step = trainer.global_step
        if step == self._step:
            return
        self._step = step
        if step % self._every == 0 or step == trainer.max_steps:
            metrics = _named("train", pl_module.take_step_metrics())
            _log(trainer, metrics | _named("timing", self._stopwatch.report()))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log a valid row; the look at the whole split after the run is no part of the log."""
        if trainer.state.fn == "fit" or trainer.global_step == 0:
            _log(trainer, _named("valid", pl_module.valid))


def _named(table: str, metrics: Mapping[str, float]) -> dict[str, float]:
    return {f"{table}/{name}": value for name, value in metrics.items()}


def _log(trainer: Trainer, metrics: Mapping[str, float]) -> None:
    for logger in trainer.loggers:
        logger.log_metrics(dict(metrics), step=trainer.global_step)
