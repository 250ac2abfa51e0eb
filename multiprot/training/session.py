"""The session of a fused model: what it trains, and the bundle it leaves behind."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import torch

from multiprot.bundle import BundleExtras, TrainedObjectives, TrainingSequences, save_bundle
from multiprot.training.bilevel_module import BilevelModule
from multiprot.training.config import PretrainConfig
from multiprot.training.datamodule import PretrainData
from multiprot.training.module import PretrainModule
from multiprot.training.parts import TrainingParts
from multiprot.training.provenance import learnt_sequences, provenance_of
from multiprot.training.readout import readout_of, scores_of
from multiprot.training.results import Results, result_rows
from multiprot.training.retrieval import Retrieval, measure_retrieval
from multiprot.training.run_folder import RunFolder
from multiprot.training.run_session import RunSession


class Session(RunSession):
    """Trains a fused model.

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

    data: PretrainData

    def __init__(
        self,
        config: PretrainConfig,
        parts: TrainingParts,
        folder: RunFolder,
        checkpoint: Path | None = None,
    ) -> None:
        self.config, self.parts = config, parts
        data = PretrainData(parts, config.batch, seed=config.seed)
        module = build_module(config, parts)
        super().__init__(module, data, config.trainer, config.averaging, folder, checkpoint)

    def own_facts(self) -> dict[str, Any]:
        """Corpus, weights of the encoders whose tokens are cached, and teachers."""
        return {
            "corpus_content_hash": self.parts.corpus.content_hash,
            "frozen_weights": {
                name: reader.folder.identity.weights for name, reader in self.parts.cached.items()
            },
            "teachers": {
                name: each.teacher.content_hash for name, each in self.parts.teachers.items()
            },
        }

    def results(self) -> Results:
        """Metrics of the valid split, and how well GO terms are found."""
        return Results(
            steps=self.trainer.global_step,
            seconds=self.clock.seconds,
            parameters=self.parameters,
            rows=result_rows(self.valid_before(), self.module.valid, self._retrieval()),
            timing=self.stopwatch.report(),
        )

    def _retrieval(self) -> tuple[Retrieval, Retrieval] | None:
        scores, labels = scores_of(self.parts), self.parts.labels
        if scores is None or labels is None or not self.trainer.is_global_zero:
            return None
        self.module.to(self.trainer.strategy.root_device).eval()
        measured = measure_retrieval(
            self.parts.model,
            islice(self.data.clean_valid_batches(), self.config.trainer.last_validation_batches),
            scores,
            torch.from_numpy(labels.frequencies),
        )
        self.module.cpu()
        return measured

    def save(self, results: Results) -> None:
        """Write the bundle."""
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
    how: dict[str, Any] = {
        "seed": config.seed,
        "optimizer": config.optimizer,
        "schedule": config.schedule,
        "max_steps": config.trainer.max_steps,
    }
    if config.bilevel is None:
        return PretrainModule(parts.model, parts.objectives, **how)
    return BilevelModule(parts.model, parts.objectives, config.bilevel, **how)
