"""A task's proteins, as one model sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import TransferError
from multiprot.evaluation.features import FeatureSource
from multiprot.evaluation.tasks import Task, Unit
from multiprot.evaluation.tasks.sample import sampled
from multiprot.transfer.sample import Sample

_SPLIT = "train"
"""Test labels are not looked at, and test proteins neither."""


def task_sample(source: FeatureSource, task: Task, n: int, seed: int = 0) -> Sample:
    """Vectors of proteins of a task's training part, with their labels where proteins have labels.

    Of tasks of pairs, of ligands and of residues the sample has the proteins, each once, without
    labels.

    Parameters
    ----------
    source
        The model.
    task
        The task.
    n
        Proteins at most; which ones depends on their entries' ids (without labels: on their
        sequences) and the seed, not on their order, and more hold fewer.
    seed
        Another one draws others.

    Raises
    ------
    TransferError
        If the model has fewer than 10 vectors of the task.
    """
    chosen = _Chosen.of(task, n, seed)
    return chosen.seen_by(source, chosen.missing(source))


def samples_of_tasks(
    source: FeatureSource, tasks: Sequence[Task], n: int, seed: int = 0
) -> tuple[dict[str, Sample], dict[str, str]]:
    """`task_sample` of several tasks: samples by the task's name, and why others have none."""
    samples: dict[str, Sample] = {}
    failed: dict[str, str] = {}
    for task in tasks:
        try:
            samples[task.name] = task_sample(source, task, n, seed)
        except TransferError as error:
            failed[task.name] = str(error)
    return samples, failed


def samples_of_models(
    sources: Sequence[FeatureSource], task: Task, n: int, seed: int = 0
) -> tuple[dict[str, Sample], dict[str, str]]:
    """`task_sample` as several models see it, of the proteins that all of them have.

    Parameters
    ----------
    sources
        Models of different names.
    task, n, seed
        As in `task_sample`.

    Returns
    -------
    dict
        By the model's name.
    dict
        Models that have too few vectors of the task, and why; they cost the others no protein.

    Raises
    ------
    TransferError
        If the models have too few proteins in common.
    """
    chosen = _Chosen.of(task, n, seed)
    lacking = {source.name: chosen.missing(source) for source in sources}
    failed: dict[str, str] = {}
    for source in sources:
        try:
            chosen.seen_by(source, lacking[source.name])
        except TransferError as error:
            failed[source.name] = str(error)
    able = [source for source in sources if source.name not in failed]
    without = {s: reason for source in able for s, reason in lacking[source.name].items()}
    return {source.name: chosen.seen_by(source, without) for source in able}, failed


def sequence_sample(source: FeatureSource, name: str, sequences: Sequence[str]) -> Sample:
    """Vectors of proteins that belong to no task, such as those of a pretraining corpus."""
    missing = source.missing(list(dict.fromkeys(sequences)), residues=False)
    return Sample(name, _vectors(source, sequences, name, missing)[0])


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """Proteins of a task's training part: their sequences and, if they have labels, entries."""

    task: Task
    sequences: Sequence[str]
    entries: NDArray[np.int64] | None

    @classmethod
    def of(cls, task: Task, n: int, seed: int) -> _Chosen:
        if task.specification.unit is Unit.PROTEIN:
            entries = sampled(task, _SPLIT, n, seed)
            return cls(task, [task.sequences[0][row] for row in entries], entries)
        rows = task.entries(_SPLIT)
        proteins = {column[row] for column in task.sequences for row in rows}
        return cls(task, sorted(proteins, key=lambda s: _draw(s, seed))[:n], None)

    def missing(self, source: FeatureSource) -> Mapping[str, str]:
        """Sequences that a model has no vector of, and why."""
        return source.missing(list(dict.fromkeys(self.sequences)), residues=False)

    def seen_by(self, source: FeatureSource, missing: Mapping[str, str]) -> Sample:
        """All but the missing ones."""
        vectors, kept = _vectors(source, self.sequences, self.task.name, missing)
        if self.entries is None:
            return Sample(self.task.name, vectors)
        labels = self.task.labels
        return Sample(self.task.name, vectors, labels.values[self.entries[kept]], labels.target)


def _draw(sequence: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\t{sequence}".encode()).digest()


def _vectors(
    source: FeatureSource, sequences: Sequence[str], name: str, missing: Mapping[str, str]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors, and the positions of the sequences that have one."""
    kept = np.array([i for i, s in enumerate(sequences) if s not in missing], dtype=np.int64)
    if not len(kept):
        raise TransferError(
            f"{source.name} has no vector of any protein of {name}: "
            f"{next(iter(missing.values()), 'it has none')}"
        )
    found = source.proteins([sequences[i] for i in kept])
    if not isinstance(found, np.ndarray):
        raise TransferError(
            f"{source.name}: its vectors are of no fixed width; distances need a model, a store, "
            "or another baseline"
        )
    return found, kept
