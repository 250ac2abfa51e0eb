"""The Lightning trainer as the recipe wants it, without its chatter."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from multiprot.errors import TrainingError
from multiprot.training.checkpoint_files import SafeCheckpointIO
from multiprot.training.settings import TrainerConfig

_NOT_FOR_USERS: Final = (
    ".*does not have many workers.*",
    ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated.*",
    ".*You're resuming from a checkpoint that ended before the epoch ended.*",
    ".*Checkpoint directory .* exists and is not empty.*",
    ".*lr_scheduler.step\\(\\)` before `optimizer.step\\(\\).*",
    ".*torch.distributed.*process group.*destroy.*",
    # Frozen encoders stay as in use on purpose.
    ".*module\\(s\\) in eval mode at the start of training.*",
)


def build_trainer(
    config: TrainerConfig,
    *,
    callbacks: Sequence[Callback] = (),
    loggers: Sequence[Logger] = (),
    max_steps: int | None = None,
) -> Trainer:
    """A trainer that counts optimizer steps and knows no epochs.

    Parameters
    ----------
    config
        Steps, precision, machines.
    callbacks, loggers
        All that happens around the steps.
    max_steps
        Instead of the recipe's; then there is no validation.

    Raises
    ------
    TrainingError
        If this machine has not what the recipe asks for.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    options = _options(config, max_steps)
    try:
        return Trainer(callbacks=list(callbacks), logger=list(loggers), **options)
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        wanted = {key: options[key] for key in ("accelerator", "devices", "strategy", "precision")}
        raise TrainingError(
            f"trainer: this machine cannot do {wanted} ({error}); change these keys of the recipe"
        ) from None


def _options(config: TrainerConfig, max_steps: int | None) -> dict[str, Any]:
    """What the recipe says in Lightning's words, and what is always so."""
    return {
        "accelerator": config.accelerator,
        "devices": config.devices,
        "num_nodes": config.num_nodes,
        "strategy": config.strategy,
        "precision": config.precision,
        "max_steps": config.max_steps if max_steps is None else max_steps,
        "max_epochs": -1,
        "accumulate_grad_batches": config.accumulate,
        "val_check_interval": config.validate_every * config.accumulate,
        "check_val_every_n_epoch": None,
        "limit_val_batches": config.validation_batches if max_steps is None else 0,
        "num_sanity_val_steps": 0,
        "plugins": [SafeCheckpointIO()],
        # Objectives may keep what validation computed; inference tensors could not be trained on.
        "inference_mode": False,
        "use_distributed_sampler": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Without the trainer's remarks, which answer no question of a user of multiprot."""
    loggers = [logging.getLogger(f"lightning.{part}") for part in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        for message in _NOT_FOR_USERS:
            warnings.filterwarnings("ignore", message=message)
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def keyboard_interrupts() -> Iterator[None]:
    """Let a Ctrl-C be a KeyboardInterrupt again: Lightning makes it an exit with code 1."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as stop:
        if not isinstance(stop.__context__, KeyboardInterrupt):
            raise
        raise KeyboardInterrupt from None
    finally:
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and handler is not None:
            signal.signal(signal.SIGINT, handler)
