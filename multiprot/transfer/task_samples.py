"""A task's proteins, as one model sees them."""

from __future__ import annotations

from collections.abc import Sequence

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
        Proteins at most; which ones depends on their entries' ids and the seed.
    seed
        Another one draws others.

    Raises
    ------
    TransferError
        If the model has fewer than 10 vectors of the task.
    """
    entries = _entries(task, n, seed)
    if task.specification.unit is Unit.PROTEIN:
        chosen = [task.sequences[0][row] for row in entries]
        vectors, kept = _vectors(source, chosen, task.name)
        values = task.labels.values[entries[kept]]
        return Sample(task.name, vectors, values, task.labels.target)
    proteins = list(dict.fromkeys(column[row] for row in entries for column in task.sequences))
    return Sample(task.name, _vectors(source, proteins[:n], task.name)[0])


def sequence_sample(source: FeatureSource, name: str, sequences: Sequence[str]) -> Sample:
    """Vectors of proteins that belong to no task, such as those of a pretraining corpus."""
    return Sample(name, _vectors(source, sequences, name)[0])


def _entries(task: Task, n: int, seed: int) -> NDArray[np.int64]:
    """Of a residue task n proteins, too, however many residues they have."""
    if task.specification.unit is not Unit.RESIDUE:
        return sampled(task, _SPLIT, n, seed)
    entries = task.entries(_SPLIT)
    generator = np.random.default_rng(seed)
    return np.sort(generator.permutation(entries)[:n])


def _vectors(
    source: FeatureSource, sequences: Sequence[str], name: str
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors, and the positions of the sequences that have one."""
    missing = source.missing(list(dict.fromkeys(sequences)), residues=False)
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
