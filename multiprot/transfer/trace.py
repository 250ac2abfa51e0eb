"""How far the tasks are from the pretraining corpus, checkpoint by checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from multiprot.config import load_config
from multiprot.data import Corpus
from multiprot.embedding import Embedder
from multiprot.errors import TransferError
from multiprot.evaluation.features import FeatureSource
from multiprot.evaluation.features.cache import VectorCache
from multiprot.evaluation.features.embedder_source import EmbedderSource
from multiprot.evaluation.tasks import Task
from multiprot.training.checkpoint_model import checkpoint_models
from multiprot.training.config import PretrainConfig
from multiprot.training.run_folder import RunFolder
from multiprot.transfer.estimates import Estimate, estimate
from multiprot.transfer.measure import Measure
from multiprot.transfer.options import TransferOptions
from multiprot.transfer.record import TransferRecord, key_of
from multiprot.transfer.studies import OnRow, told
from multiprot.transfer.task_samples import sequence_sample, task_sample

CORPUS: Final = "pretraining corpus"
"""Name of the set of training proteins."""


def checkpoint_sources(
    run: Path, cache: Path, device: str = "cpu"
) -> Iterator[tuple[int, FeatureSource]]:
    """Steps, ascending, and the model as it was then, one after another.

    Parameters
    ----------
    run
        Folder of a pretraining run.
    cache
        Folder that keeps vectors.
    device
        Where models compute.

    Raises
    ------
    TrainingError
        As `multiprot.training.checkpoint_model.checkpoint_models`.
    """
    vectors, models = VectorCache(cache), checkpoint_models(run)
    return (
        (step, EmbedderSource(Embedder.from_bundle(bundle, device=device), f"step {step}", vectors))
        for step, bundle in models
    )


def run_corpus(run: Path, given: Path | None = None) -> Corpus:
    """The corpus that a run learnt from.

    Parameters
    ----------
    run
        Folder of a pretraining run.
    given
        Where it lies now; without, in the run's folder or where the recipe says.

    Raises
    ------
    TransferError
        If it is another corpus.
    """
    folder = RunFolder(run)
    if given is None and not folder.corpus.is_dir():
        given = load_config(PretrainConfig, folder.config).value.corpus.path
    corpus = Corpus.open(given or folder.corpus)
    learnt = folder.read_facts().get("corpus_content_hash")
    if learnt not in (None, corpus.content_hash):
        raise TransferError(
            f"{corpus.path}: is not the corpus that {run} learnt from (content hash "
            f"{corpus.content_hash[:12]}…, not {learnt[:12]}…); name the right one with --corpus"
        )
    return corpus


def study_trace(
    sources: Iterable[tuple[int, FeatureSource]],
    corpus: Corpus,
    tasks: Sequence[Task],
    measure: Measure,
    options: TransferOptions,
    record: TransferRecord,
    on_row: OnRow = lambda told: None,
) -> None:
    """A measure from the corpus to each task, for every checkpoint of a run.

    Hu et al. 2023 (MASSA) follow the optimal-transport distance between pretraining proteins and a
    task's over the epochs.

    Parameters
    ----------
    sources
        Steps and models, see `checkpoint_sources`.
    corpus
        What the model was trained on.
    tasks
        Which tasks.
    measure
        A measure of pairs of sets.
    options
        How many proteins are drawn, and all else.
    record
        Where values go, each with its `step`.
    on_row
        Told of each new value.
    """
    sequences = _drawn(corpus, options)
    for step, source in sources:
        wanted = [t for t in tasks if key_of(measure.name, source.name, t.name) not in record.rows]
        if not wanted:
            continue
        before = sequence_sample(source, CORPUS, sequences)
        for task in wanted:
            found: Estimate | str
            try:
                after = task_sample(source, task, options.n, options.seed)
                found = estimate(measure, (before, after), options)
            except TransferError as error:
                found = str(error)
            record.add(measure.name, source.name, task.name, found, step=step)
            on_row(told(measure.name, (source.name, task.name), found))


def _drawn(corpus: Corpus, options: TransferOptions) -> list[str]:
    """Training proteins, chosen by the seed."""
    rows = corpus.rows("train")
    generator = np.random.default_rng(options.seed)
    kept = np.sort(generator.permutation(rows)[: options.n])
    return [record.sequence for record in corpus.read(kept)]
