"""All steps of a fine-tuning run, from the first or from a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from lightning.pytorch import Callback
from torch.utils.data import DataLoader

from multiprot.errors import TrainingError
from multiprot.training.callbacks.checkpoints import Checkpoints
from multiprot.training.callbacks.interruption import Interruption
from multiprot.training.callbacks.progress import ProgressBar
from multiprot.training.callbacks.reports import Reports
from multiprot.training.callbacks.timing import Stopwatch
from multiprot.training.checkpoint_files import list_checkpoints, newest_checkpoint, step_of
from multiprot.training.finetune.module import FineTuneModule, Learner, trainable
from multiprot.training.finetune.options import FineTuneOptions
from multiprot.training.finetune.plan import EntryPlan, MakeBatch, PlannedEntries
from multiprot.training.finetune.watch import Judge, Watch
from multiprot.training.logs import StepTables
from multiprot.training.run_folder import RunFolder
from multiprot.training.settings import TrainerConfig
from multiprot.training.trainer import build_trainer, keyboard_interrupts, quiet_lightning

_FOREVER: Final = 2**62
_KEPT: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Work:
    """What is fitted, to what, and by which score the best is told.

    Attributes
    ----------
    learner
        Its weights are those to begin with.
    plan, make
        Which entries make up a batch, and the batch of some entries.
    judge
        Scores the learner on the valid part.
    """

    learner: Learner
    plan: EntryPlan
    make: MakeBatch
    judge: Judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """How it went.

    Attributes
    ----------
    steps
        Optimizer steps taken.
    best_step, best_score
        After which step the learner was best, and how good on the valid part.
    stopped_early
        Patience came to its end before the steps did.
    parameters
        Numbers that learnt.
    """

    steps: int
    best_step: int
    best_score: float
    stopped_early: bool
    parameters: int


def resume_point(folder: RunFolder) -> Path | None:
    """The newest checkpoint, or None if the run was killed before the first.

    Raises
    ------
    TrainingError
        If the newest is damaged.
    """
    return newest_checkpoint(folder.checkpoints) if list_checkpoints(folder.checkpoints) else None


def fit(
    work: Work,
    options: FineTuneOptions,
    folder: RunFolder,
    *,
    device: str = "cpu",
    checkpoint: Path | None = None,
) -> Fitted:
    """Train until patience or steps end; the learner is left on the CPU with its best weights.

    Parameters
    ----------
    work
        What is fitted.
    options
        How.
    folder
        Where checkpoints and logs go.
    device
        "cpu", "cuda" or "mps".
    checkpoint
        Where to go on, or None.

    Raises
    ------
    TrainingError
        If a gradient is no number, or the score was undefined at every look.
    TrainingInterrupted
        After Ctrl-C or SIGTERM; a checkpoint of the last step is there.
    """
    per_epoch = work.plan.steps_per_epoch
    total = options.max_steps or options.epochs * per_epoch
    module = FineTuneModule(work.learner, options, total)
    checkpoints = Checkpoints(folder.checkpoints, options.checkpoint_every, _KEPT)
    watch = Watch(work.judge, options.validate_every or per_epoch, options.patience, checkpoints)
    # In this order: the look before its step is saved, the row before the run may end.
    callbacks: list[Callback] = [
        Reports(Stopwatch(), options.log_every),
        ProgressBar(doing="fine-tuning"),
        watch,
        checkpoints,
        Interruption(checkpoints),
    ]
    step = 0 if checkpoint is None else step_of(checkpoint)
    logs = StepTables(folder.logs, resume_step=step if checkpoint else -1)
    with quiet_lightning(), keyboard_interrupts():
        trainer = build_trainer(
            _config(options, total, device), callbacks=callbacks, loggers=[logs], max_steps=total
        )
        trainer.fit(module, _loader(work, step), ckpt_path=checkpoint)
    return _fitted(trainer.global_step, module, watch)


def _fitted(steps: int, module: FineTuneModule, watch: Watch) -> Fitted:
    if not watch.best:
        raise TrainingError(
            f"after {steps} steps the score on the valid part was never defined; look at the "
            "task's primary_metric and at the labels of its valid part"
        )
    module.cpu()
    watch.install(module)
    return Fitted(
        steps=steps,
        best_step=watch.best_step,
        best_score=watch.best_score,
        stopped_early=watch.stopped_early,
        parameters=sum(p.numel() for p in trainable(module.learner).values()),
    )


def _config(options: FineTuneOptions, total: int, device: str) -> TrainerConfig:
    accelerators: dict[str, Literal["cpu", "gpu", "mps"]] = {
        "cpu": "cpu",
        "cuda": "gpu",
        "cuda:0": "gpu",
        "mps": "mps",
    }
    if device not in accelerators:
        raise TrainingError(
            f"device {device!r}: fine-tuning takes {', '.join(accelerators)}; choose another GPU "
            "by the environment variable CUDA_VISIBLE_DEVICES"
        )
    return TrainerConfig(
        max_steps=total,
        checkpoint_every_steps=options.checkpoint_every,
        log_every=options.log_every,
        accelerator=accelerators[device],
    )


def _loader(work: Work, step: int) -> DataLoader[Any]:
    return DataLoader(
        PlannedEntries(work.plan, work.make),
        batch_size=None,
        sampler=range(step, _FOREVER),
        # Its own generator: making a loader must not move torch's global one.
        generator=torch.Generator().manual_seed(0),
    )
