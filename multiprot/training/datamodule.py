"""Batches of a run, each a pure function of seed, number and process."""

from __future__ import annotations

import copy
import signal
from collections.abc import Iterator
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, Trainer
from torch.utils.data import DataLoader, Dataset

from multiprot.data import BatchConfig, Collator, PlannedBatches, PlannedDataset, sweep
from multiprot.data.collate import TokenOrigin
from multiprot.data.sampler import Batches, evenly_spread
from multiprot.encoders.contract import ProteinBatch, ResidueEncoder
from multiprot.errors import TrainingError
from multiprot.objectives import TotalObjective
from multiprot.training.parts import TrainingParts
from multiprot.training.seeding import seed_at

FOREVER = 2**62
"""More batches than any run takes."""


class CorruptedDataset(Dataset[ProteinBatch]):
    """Planned batches with what the objectives hide already hidden.

    Corruption runs here, in the loader's workers, so that a step does nothing but compute.

    Parameters
    ----------
    planned
        Clean batches by number.
    objectives
        On the CPU; only their `corrupt` is used.
    place
        Seed, split and process: what the draws depend on besides the batch's number.
    """

    def __init__(
        self, planned: PlannedDataset, objectives: TotalObjective, place: tuple[int | str, ...]
    ) -> None:
        self._planned = planned
        self._objectives = objectives
        self._place = place

    def __getitem__(self, number: int) -> ProteinBatch:
        rng = torch.Generator().manual_seed(seed_at(*self._place, "corruption", number))
        return self._objectives.corrupt(self._planned[number], rng)


class PretrainData(LightningDataModule):  # type: ignore[misc]  # lightning is untyped here
    """Loaders of the train and the valid split.

    Parameters
    ----------
    parts
        Corpus, labels, featurizers and objectives.
    config
        What goes into one batch.
    seed
        The run's.
    """

    def __init__(self, parts: TrainingParts, config: BatchConfig, *, seed: int) -> None:
        super().__init__()
        self._parts = parts
        self._config = config
        self._seed = seed
        # A copy stays on the CPU when the trainer moves the objectives to a GPU.
        self._objectives = copy.deepcopy(parts.objectives)

    def train_dataloader(self) -> DataLoader[ProteinBatch]:
        """Batches without end, beginning where the (resumed) run stands."""
        trainer = self._trainer
        start = trainer.global_step * trainer.accumulate_grad_batches
        rank, world_size = trainer.global_rank, trainer.world_size
        return self._loader(self.train_batches(rank, world_size), range(start, FOREVER))

    def val_dataloader(self) -> DataLoader[ProteinBatch]:
        """Every protein of the valid split once, always in the same batches.

        The first few batches are as long and as short as all of them: a look may end early.
        With several processes a remainder of fewer batches than processes is left out: all of them
        must meet in every batch.
        """
        trainer = self._trainer
        batches = self._valid_plan()
        whole = len(batches) - len(batches) % trainer.world_size
        if not whole:
            raise TrainingError(
                f"{self._parts.corpus.path}: the valid split gives {len(batches)} batches for "
                f"{trainer.world_size} processes; lower batch.tokens_per_batch"
            )
        mine = batches[trainer.global_rank : whole : trainer.world_size]
        planned = PlannedDataset(self._parts.corpus, mine, self._collator(training=False))
        place = (self._seed, "valid", trainer.global_rank)
        return self._loader(
            CorruptedDataset(planned, self._objectives, place), range(len(mine)), workers=0
        )

    def train_batches(self, rank: int = 0, world_size: int = 1) -> CorruptedDataset:
        """Train batches by number."""
        plan = PlannedBatches(
            self._parts.corpus, self._config, seed=self._seed, rank=rank, world_size=world_size
        )
        planned = PlannedDataset(self._parts.corpus, plan, self._collator(training=True))
        return CorruptedDataset(planned, self._objectives, (self._seed, "train", rank))

    def clean_valid_batches(self) -> Iterator[ProteinBatch]:
        """All of the valid split, nothing hidden, in the order of `val_dataloader`."""
        batches = self._valid_plan()
        planned = PlannedDataset(self._parts.corpus, batches, self._collator(training=False))
        return (planned[number] for number in range(len(batches)))

    def _valid_plan(self) -> Batches:
        rows = self._parts.corpus.rows("valid")
        return evenly_spread(sweep(self._parts.corpus, self._valid_config, rows))

    @property
    def _trainer(self) -> Trainer:
        trainer = self.trainer
        if trainer is None:
            raise TrainingError("a loader outside a run; attach the data to a trainer first")
        return trainer

    @property
    def _valid_config(self) -> BatchConfig:
        return self._config.model_copy(update={"go_candidates": "vocabulary"})

    def _collator(self, *, training: bool) -> Collator:
        return Collator(
            self._origin("sequence"),
            self._origin("structure"),
            self._parts.targets,
            self._config if training else self._valid_config,
            seed=seed_at(self._seed, "batches"),
            training=training,
        )

    def _origin(self, modality: str) -> TokenOrigin | None:
        """Where an encoder's part of a batch comes from: the cache, or its own featurizer."""
        if modality in self._parts.cached:
            return self._parts.cached[modality]
        encoder: ResidueEncoder[Any] | None = getattr(self._parts.model, modality)
        return None if encoder is None else encoder.featurizer

    def _loader(
        self, dataset: CorruptedDataset, numbers: range, workers: int | None = None
    ) -> DataLoader[ProteinBatch]:
        return step_loader(dataset, numbers, self._config.workers if workers is None else workers)


def step_loader(dataset: Dataset[Any], numbers: range, workers: int) -> DataLoader[Any]:
    """Whole batches of the given numbers, in order; how many processes load makes no difference."""
    return DataLoader(
        dataset,
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        worker_init_fn=_leave_signals_to_the_main_process,
        # Its own generator: making a loader must not move torch's global one.
        generator=torch.Generator().manual_seed(0),
        pin_memory=torch.cuda.is_available(),
    )


def _leave_signals_to_the_main_process(worker: int) -> None:
    """A terminal sends Ctrl-C to every process; only the main one decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
