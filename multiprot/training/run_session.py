"""What all sessions of a run have in common: the trainer and what surrounds its steps."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningDataModule
from lightning.pytorch.loggers import Logger, TensorBoardLogger

from multiprot.training.callbacks.averaging import WeightAverage
from multiprot.training.callbacks.checkpoints import Checkpoints
from multiprot.training.callbacks.interruption import Interruption
from multiprot.training.callbacks.progress import ProgressBar
from multiprot.training.callbacks.reports import Reports
from multiprot.training.callbacks.timing import Clock, LastLap, Stopwatch
from multiprot.training.checkpoint_files import step_of
from multiprot.training.logs import StepTables, read_table
from multiprot.training.module import PretrainModule
from multiprot.training.results import Results
from multiprot.training.run_folder import RunFolder, write_json
from multiprot.training.settings import AveragingConfig, TrainerConfig
from multiprot.training.trainer import build_trainer


class RunSession(ABC):
    """Trains from the first step, or from a checkpoint, to the last.

    Parameters
    ----------
    module, data
        What is trained, and on what.
    trainer, averaging
        Of the recipe.
    folder
        Where everything goes.
    checkpoint
        Where to go on, or None.
    """

    def __init__(
        self,
        module: PretrainModule,
        data: LightningDataModule,
        trainer: TrainerConfig,
        averaging: AveragingConfig,
        folder: RunFolder,
        checkpoint: Path | None = None,
    ) -> None:
        self.module, self.data, self.folder = module, data, folder
        self._options, self._checkpoint = trainer, checkpoint
        self.clock, self.stopwatch = Clock(), Stopwatch()
        self.average = None
        if averaging.decay is not None:
            self.average = WeightAverage(averaging.decay, module.moved_apart)
        self.trainer = build_trainer(trainer, callbacks=self._callbacks(), loggers=self._loggers())

    def train(self) -> None:
        """Take all steps; looks at the valid split before the first one."""
        facts = self._facts()
        if self._checkpoint is not None:
            self.folder.check_facts(facts)
        elif self.trainer.is_global_zero:
            self.folder.add_facts(facts)
        if self._checkpoint is None:
            self.trainer.validate(self.module, self.data, verbose=False)
        self.trainer.fit(self.module, datamodule=self.data, ckpt_path=self._checkpoint)

    def finish(self) -> Results:
        """Install the averaged weights, look at the valid split, write results and model."""
        if self.average is not None:
            self.average.install(self.module)
        batches = self._options.last_validation_batches
        self.trainer.limit_val_batches = 1.0 if batches is None else batches
        self.trainer.validate(self.module, self.data, verbose=False)
        results = self.results()
        if self.trainer.is_global_zero:
            self.save(results)
            write_json(self.folder.results, results.to_json())
        return results

    @abstractmethod
    def own_facts(self) -> Mapping[str, Any]:
        """What a resumed run must find again, beside what all runs must."""

    @abstractmethod
    def results(self) -> Results:
        """The end of the run."""

    @abstractmethod
    def save(self, results: Results) -> None:
        """Write the model; called in the first process alone."""

    @property
    def parameters(self) -> int:
        """Trainable numbers in model and objectives."""
        apart = self.module.moved_apart
        named = self.module.named_parameters()
        return sum(p.numel() for name, p in named if p.requires_grad or name in apart)

    def looks(self) -> list[dict[str, str]]:
        """Rows of the table of the valid split, as text."""
        return read_table(self.folder.logs / "valid.csv")

    def valid_before(self) -> dict[str, float]:
        """Metrics of the valid split before the first step, by "objective/metric"."""
        rows = self.looks()
        first = rows[0] if rows and rows[0]["step"] == "0" else {}
        return {name: float(value) for name, value in first.items() if value and name != "step"}

    def _callbacks(self) -> list[Callback]:
        options = self._options
        checkpoints = Checkpoints(
            self.folder.checkpoints, options.checkpoint_every_steps, options.checkpoints_kept
        )
        # In this order: the average before anything is saved, the row before the run may end.
        return [
            *([] if self.average is None else [self.average]),
            self.clock,
            self.stopwatch,
            Reports(self.stopwatch, options.log_every),
            ProgressBar(),
            checkpoints,
            Interruption(checkpoints),
            LastLap(self.stopwatch),
        ]

    def _loggers(self) -> list[Logger]:
        step = -1 if self._checkpoint is None else step_of(self._checkpoint)
        purge = None if self._checkpoint is None else step + 1
        return [
            StepTables(self.folder.logs, resume_step=step),
            TensorBoardLogger(self.folder.logs, name="tensorboard", version="", purge_step=purge),
        ]

    def _facts(self) -> dict[str, Any]:
        return {
            **self.own_facts(),
            "world_size": self.trainer.world_size,
            "multiprot": version("multiprot"),
            "torch": torch.__version__,
            "command": sys.argv,
        }
