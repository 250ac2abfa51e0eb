"""Where the time of a step goes."""

from __future__ import annotations

import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

PHASES = ("data", "forward", "backward", "optimizer")
"""Waiting for the batch (and moving it to the device), then the parts of the computation."""

_WARM_UP_BATCHES = 3


class Stopwatch(Callback):
    """Seconds per phase and residues per second, over the batches of this session.

    On a GPU the phases of a step are only as exact as its one synchronisation per step allows
    (kernels run behind): there, trust "data" against the sum of the others.
    """

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self.batches = 0
        self._residues: torch.Tensor | int = 0
        self._slots = 0
        self._mark: float | None = None
        self._to_come = _WARM_UP_BATCHES

    def report(self) -> dict[str, float]:
        """Shares of the phases, seconds per batch, residues per second, share of padding."""
        total = sum(self.seconds.values())
        if not self.batches or total <= 0.0:
            return {}
        shares = {f"{phase}_share": self.seconds[phase] / total for phase in PHASES}
        residues = int(self._residues)
        return {
            "seconds_per_batch": total / self.batches,
            "residues_per_second": residues / total,
            "padding_share": 1.0 - residues / self._slots,
            **shares,
        }

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start waiting for the first batch."""
        self._mark = time.perf_counter()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """The batch is here."""
        self._lap("data")

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: torch.Tensor
    ) -> None:
        """The loss is here."""
        self._lap("forward")

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The gradients are here."""
        self._lap("backward")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """The weights are here."""
        self._lap("optimizer")
        if self._to_come > 0:
            self._to_come -= 1
            self.seconds = dict.fromkeys(PHASES, 0.0)
            return
        self.batches += 1
        self._residues = self._residues + batch.residue_mask.sum()
        self._slots += batch.residue_mask.numel()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Validation is nobody's step."""
        self._lap("optimizer")
        self._mark = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Back to waiting for a batch."""
        self._mark = time.perf_counter()

    def skip(self) -> None:
        """Forget the time since the last mark (a checkpoint was written)."""
        self._mark = time.perf_counter()

    def _lap(self, phase: str) -> None:
        now = time.perf_counter()
        if self._mark is not None:
            self.seconds[phase] += now - self._mark
        self._mark = now
