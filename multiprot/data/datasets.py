"""Planned batches as a torch dataset; what is loaded does not depend on how many workers load."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from multiprot.data.batch_config import BatchConfig
from multiprot.data.collate import Collator
from multiprot.data.corpus import Corpus
from multiprot.data.sampler import Batches, PlannedBatches
from multiprot.encoders.contract import ProteinBatch

Plan = PlannedBatches | Batches


class PlannedDataset(Dataset[ProteinBatch]):
    """Item `step` is the whole batch of that step; use with `DataLoader(batch_size=None)`.

    Parameters
    ----------
    corpus
        Where the records are.
    plan
        `PlannedBatches` for training, or a list of row arrays such as `sweep` gives.
    collator
        Makes the batch.
    """

    def __init__(self, corpus: Corpus, plan: Plan, collator: Collator) -> None:
        self._corpus = corpus
        self._rows: Callable[[int], NDArray[np.int64]] = (
            plan.batch if isinstance(plan, PlannedBatches) else plan.__getitem__
        )
        self._collator = collator

    def __getitem__(self, step: int) -> ProteinBatch:
        rows = self._rows(step)
        return self._collator(self._corpus.read(rows), rows, step)


def batch_loader(
    dataset: PlannedDataset, config: BatchConfig, *, start: int, stop: int, pin_memory: bool = False
) -> DataLoader[ProteinBatch]:
    """A loader of the batches of steps `start` to `stop` (half-open), in order.

    The loader has a random generator of its own, so that making one leaves torch's global random
    state, and with it a resumed run, as it was.
    """
    return DataLoader(
        dataset,
        batch_size=None,
        sampler=range(start, stop),
        num_workers=config.workers,
        pin_memory=pin_memory,
        persistent_workers=False,
        generator=torch.Generator().manual_seed(0),
    )
