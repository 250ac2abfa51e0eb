"""How far the tasks are from the pretraining corpus, checkpoint by checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from multiprot.data import Corpus
from multiprot.embedding import Embedder, EmbedOptions
from multiprot.errors import TransferError
from multiprot.evaluation.features.cache import VectorCache
from multiprot.evaluation.features.embedder_source import EmbedderSource
from multiprot.evaluation.tasks import Task
from multiprot.training.checkpoint_model import checkpoint_models
from multiprot.transfer.estimates import Estimate, estimate
from multiprot.transfer.measure import Measure
from multiprot.transfer.options import TransferOptions
from multiprot.transfer.record import TransferRecord, key_of
from multiprot.transfer.sample import Sample
from multiprot.transfer.studies import told
from multiprot.transfer.task_samples import sequence_sample, task_sample

CORPUS: Final = "pretraining corpus"
"""Name of the set of training proteins."""


def study_trace(
    run: Path,
    corpus: Corpus,
    tasks: Sequence[Task],
    measure: Measure,
    options: TransferOptions,
    record: TransferRecord,
    *,
    cache: Path,
    device: str = "cpu",
    on_row: Callable[[str], None] = lambda told: None,
) -> None:
    """A measure from the corpus to each task, for every checkpoint of a run.

    Hu et al. 2023 (MASSA) follow the optimal-transport distance between pretraining proteins and a
    task's over the epochs.

    Parameters
    ----------
    run
        Folder of a pretraining run.
    corpus
        What it was trained on.
    tasks
        Which tasks.
    measure
        A measure of pairs of sets.
    options
        How many proteins are drawn, and all else.
    record
        Where values go, each with its `step`.
    cache
        Folder that keeps vectors.
    device
        Where the model computes.
    on_row
        Told of each new value.
    """
    sequences = _drawn(corpus, options)
    for step, bundle in checkpoint_models(run):
        embedder = Embedder.from_bundle(bundle, device=device, options=EmbedOptions())
        source = EmbedderSource(embedder, f"step {step}", VectorCache(cache))
        before: Sample | None = None
        for task in tasks:
            name = f"step {step}"
            if key_of(measure.name, name, task.name) in record.rows:
                continue
            found: Estimate | str
            try:
                before = before or sequence_sample(source, CORPUS, sequences)
                after = task_sample(source, task, options.n, options.seed)
                found = estimate(measure, (before, after), options)
            except TransferError as error:
                found = str(error)
            record.add(measure.name, name, task.name, found, step=step)
            on_row(told(measure.name, (name, task.name), found))


def _drawn(corpus: Corpus, options: TransferOptions) -> list[str]:
    """Training proteins, chosen by the seed."""
    rows = corpus.rows("train")
    generator = np.random.default_rng(options.seed)
    kept = np.sort(generator.permutation(rows)[: options.n])
    return [record.sequence for record in corpus.read(kept)]
