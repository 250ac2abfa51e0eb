"""Leaving a run politely: Ctrl-C and SIGTERM end it after the step in progress."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from multiprot.training.callbacks.boundary import BoundaryCallback
from multiprot.training.callbacks.checkpoints import Checkpoints

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class TrainingInterrupted(Exception):  # noqa: N818 - an event, not an error
    """The run was asked to stop and did, with a checkpoint behind it.

    Attributes
    ----------
    step
        Optimizer steps taken.
    signal_number
        The signal that asked.
    """

    def __init__(self, step: int, signal_number: int) -> None:
        super().__init__(f"stopped after step {step}")
        self.step = step
        self.signal_number = signal_number


class Interruption(BoundaryCallback):
    """Saves and raises `TrainingInterrupted` at the first boundary after a signal.

    A second Ctrl-C stops at once, without saving.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        super().__init__()
        self._checkpoints = checkpoints
        self._received: int = 0
        self._previous: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen, where signals can be heard at all: in the main thread.

        Not earlier: Lightning sets its own handlers after `on_fit_start`, and takes those that it
        found there for the ones to give back.
        """
        super().on_train_start(trainer, pl_module)
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._hear) for number in _SIGNALS}

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the signals back."""
        self._release()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Give the signals back."""
        self._release()

    def on_boundary(self, trainer: Trainer, module: LightningModule) -> None:
        """Save and leave, if any process was asked to."""
        asked = bool(self._received)
        if trainer.world_size > 1:
            asked = trainer.strategy.reduce_boolean_decision(asked, all=False)
        if asked and trainer.global_step < trainer.max_steps:
            self._checkpoints.save(trainer)
            raise TrainingInterrupted(trainer.global_step, self._received or signal.SIGINT)

    def _release(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._received and number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt
        self._received = number
