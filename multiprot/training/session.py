"""One session of a run: the trainer, what it trains, and what is left behind."""

from __future__ import annotations

import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback
from lightning.pytorch.loggers import Logger, TensorBoardLogger

from multiprot.bundle import BundleExtras, TrainedObjectives, TrainingSequences, save_bundle
from multiprot.training.callbacks.averaging import WeightAverage
from multiprot.training.callbacks.checkpoints import Checkpoints
from multiprot.training.callbacks.interruption import Interruption
from multiprot.training.callbacks.progress import ProgressBar
from multiprot.training.callbacks.reports import Reports
from multiprot.training.callbacks.timing import LastLap, Stopwatch
from multiprot.training.checkpoint_files import step_of
from multiprot.training.config import PretrainConfig
from multiprot.training.datamodule import PretrainData
from multiprot.training.logs import StepTables, read_table
from multiprot.training.module import PretrainModule
from multiprot.training.parts import TrainingParts
from multiprot.training.provenance import learnt_sequences, provenance_of
from multiprot.training.readout import readout_of, scores_of
from multiprot.training.results import Results, result_rows
from multiprot.training.retrieval import Retrieval, measure_retrieval
from multiprot.training.run_folder import RunFolder, write_json
from multiprot.training.trainer import build_trainer


class Session:
    """Trains from the first step, or from a checkpoint, to the last.

    Parameters
    ----------
    config
        The recipe.
    parts
        What is trained and on what.
    folder
        Where everything goes.
    checkpoint
        Where to go on, or None.
    """

    def __init__(
        self,
        config: PretrainConfig,
        parts: TrainingParts,
        folder: RunFolder,
        checkpoint: Path | None = None,
    ) -> None:
        self.config, self.parts, self.folder = config, parts, folder
        self._checkpoint = checkpoint
        self._began = time.monotonic()
        self.stopwatch = Stopwatch()
        decay = config.averaging.decay
        self.average = None if decay is None else WeightAverage(decay)
        self.module = build_module(config, parts)
        self.data = PretrainData(parts, config.batch, seed=config.seed)
        self.trainer = build_trainer(
            config.trainer, callbacks=self._callbacks(), loggers=self._loggers()
        )

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
        """Install the averaged weights, look at the whole valid split, write results and bundle."""
        if self.average is not None:
            self.average.install(self.module)
        self.trainer.limit_val_batches = 1.0
        self.trainer.validate(self.module, self.data, verbose=False)
        results = self._results()
        if self.trainer.is_global_zero:
            self._save_bundle(results)
            write_json(self.folder.results, results.to_json())
        return results

    def _callbacks(self) -> list[Callback]:
        options = self.config.trainer
        checkpoints = Checkpoints(
            self.folder.checkpoints, options.checkpoint_every_steps, options.checkpoints_kept
        )
        # In this order: the average before anything is saved, the row before the run may end.
        return [
            *([] if self.average is None else [self.average]),
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
            "corpus_content_hash": self.parts.corpus.content_hash,
            "world_size": self.trainer.world_size,
            "frozen_weights": {
                name: reader.folder.identity.weights for name, reader in self.parts.cached.items()
            },
            "multiprot": version("multiprot"),
            "torch": torch.__version__,
            "command": sys.argv,
        }

    def _results(self) -> Results:
        trainable = [p for p in self.module.parameters() if p.requires_grad]
        return Results(
            steps=self.trainer.global_step,
            seconds=time.monotonic() - self._began,
            parameters=sum(p.numel() for p in trainable),
            rows=result_rows(self._start(), self.module.valid, self._retrieval()),
            timing=self.stopwatch.report(),
        )

    def _start(self) -> dict[str, float]:
        rows = read_table(self.folder.logs / "valid.csv")
        first = rows[0] if rows and rows[0]["step"] == "0" else {}
        return {name: float(value) for name, value in first.items() if value and name != "step"}

    def _retrieval(self) -> tuple[Retrieval, Retrieval] | None:
        scores, labels = scores_of(self.parts), self.parts.labels
        if scores is None or labels is None or not self.trainer.is_global_zero:
            return None
        self.module.to(self.trainer.strategy.root_device).eval()
        measured = measure_retrieval(
            self.parts.model,
            self.data.clean_valid_batches(),
            scores,
            torch.from_numpy(labels.frequencies),
        )
        self.module.cpu()
        return measured

    def _save_bundle(self, results: Results) -> None:
        objectives = TrainedObjectives(
            sections=self.config.objectives,
            module=self.parts.objectives,
            context=self.parts.context,
        )
        save_bundle(
            self.folder.bundle,
            model=self.parts.model,
            model_config=self.config.model,
            provenance=provenance_of(self.config, self.parts, results),
            ontology=self.parts.context.ontology,
            extras=BundleExtras(
                objectives=objectives,
                readout=readout_of(self.parts),
                trained_on=TrainingSequences.of(learnt_sequences(self.parts.corpus)),
            ),
            overwrite=True,
        )


def build_module(config: PretrainConfig, parts: TrainingParts) -> PretrainModule:
    """The Lightning module of a recipe."""
    return PretrainModule(
        parts.model,
        parts.objectives,
        seed=config.seed,
        optimizer=config.optimizer,
        schedule=config.schedule,
        max_steps=config.trainer.max_steps,
    )
