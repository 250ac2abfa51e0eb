"""Where the time of a step goes."""

from __future__ import annotations

import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

PHASES = ("data", "forward", "backward", "optimizer", "other")
"""Waiting for the batch (and moving it to the device), the parts of the computation, and what else
a step does: logging and checkpoints."""

_WARM_UP_BATCHES = 3


class Stopwatch(Callback):  # type: ignore[misc]
    """Seconds per phase and residues per second, over the batches of this session.

    Parameters
    ----------
    warm_up_batches
        How many first batches are left out.

    Notes
    -----
    On a GPU the phases of a step are only as exact as its one synchronisation per step allows
    (kernels run behind): there, trust "data" against the sum of the others.
    """

    def __init__(self, warm_up_batches: int = _WARM_UP_BATCHES) -> None:
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self.batches = 0
        self._residues: torch.Tensor | int = 0
        self._slots = 0
        self._mark: float | None = None
        self._to_come = warm_up_batches

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
        self.lap("data")

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: torch.Tensor
    ) -> None:
        """The loss is here."""
        self.lap("forward")

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The gradients are here."""
        self.lap("backward")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """The weights are here."""
        self.lap("optimizer")
        if self._to_come > 0:
            self._to_come -= 1
            self.seconds = dict.fromkeys(PHASES, 0.0)
            return
        self.batches += 1
        self._residues = self._residues + batch.residue_mask.sum()
        self._slots += batch.residue_mask.numel()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Validation is no part of a step."""
        self._mark = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Back to waiting for a batch."""
        self._mark = time.perf_counter()

    def lap(self, phase: str) -> None:
        """Count the time since the last mark for `phase`."""
        now = time.perf_counter()
        if self._mark is not None:
            self.seconds[phase] += now - self._mark
        self._mark = now


class Clock(Callback):  # type: ignore[misc]
    """Wall time of a run; checkpoints carry it from session to session."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._before = 0.0

    @property
    def seconds(self) -> float:
        """Of this session so far, and of the earlier ones up to the checkpoints that went on."""
        return self._before + time.monotonic() - self._began

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self._before = state_dict["seconds"]


class LastLap(Callback):  # type: ignore[misc]
    """Last in the list of callbacks: what the others did is "other", not waiting for data."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """All others are done."""
        self._stopwatch.lap("other")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """All others are done."""
        self._stopwatch.lap("other")
