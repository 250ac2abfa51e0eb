"""What a person sees while a run goes on, on stderr."""

from __future__ import annotations

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_SECONDS_BETWEEN_LINES = 15.0
_REFRESH_PER_SECOND = 4


class ProgressBar(Callback):  # type: ignore[misc]
    """A rich bar on a terminal, else a line now and then; only process 0 shows anything.

    Parameters
    ----------
    console
        Where to show it; by default stderr.
    doing
        What the bar is called.
    """

    def __init__(self, console: Console | None = None, *, doing: str = "pretraining") -> None:
        self._doing = doing
        self._console = console or Console(stderr=True)
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._last_line = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the bar."""
        self._last_line = time.monotonic()
        if not (trainer.is_global_zero and self._console.is_terminal):
            return
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            refresh_per_second=_REFRESH_PER_SECOND,
        )
        self._task = self._progress.add_task(
            self._doing, total=trainer.max_steps, completed=trainer.global_step, loss=""
        )
        self._progress.start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar; the loss is the one last logged, so that showing it costs nothing."""
        loss = getattr(pl_module, "latest", {}).get("loss")
        text = "" if loss is None else f"loss {loss:.3f}"
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=trainer.global_step, loss=text)
        elif text and trainer.is_global_zero and self._is_time():
            self._say(trainer, text)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say how the valid split fares."""
        loss = getattr(pl_module, "valid", {}).get("loss")
        if trainer.is_global_zero and trainer.state.fn == "fit" and loss is not None:
            self._say(trainer, f"valid loss {loss:.3f}")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the bar as it is."""
        self._stop()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Give the terminal back."""
        self._stop()

    def _say(self, trainer: Trainer, text: str) -> None:
        console = self._console if self._progress is None else self._progress.console
        line = f"step {trainer.global_step}/{trainer.max_steps}: {text}"
        console.print(line, highlight=False, soft_wrap=True)

    def _is_time(self) -> bool:
        now = time.monotonic()
        due = now - self._last_line >= _SECONDS_BETWEEN_LINES
        if due:
            self._last_line = now
        return due

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
