"""A part of a split, where all of it is too much."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.tasks.task import Task


def sampled(task: Task, split: str, most_rows: int | None, seed: int = 0) -> NDArray[np.int64]:
    """Entries of a split, as many as give `most_rows` labels at most, but at least two.

    Which ones depends on their ids and the seed alone: not on their order, and a larger sample
    holds a smaller one.

    Parameters
    ----------
    task
        The task.
    split
        Which part of it.
    most_rows
        Entries; of a residue task scored residues. None: all.
    seed
        Another one chooses others.

    Returns
    -------
    NDArray[np.int64]
        [entry], ascending.
    """
    entries = task.entries(split)
    if most_rows is None or not len(entries):
        return entries
    order = sorted(entries, key=lambda row: _draw(task.ids[row], seed))
    sizes = np.array([len(task.labels.rows(np.array([row]))) for row in order])
    # One protein, however long, can be neither resampled nor dealt into folds.
    count = max(2, int(np.searchsorted(np.cumsum(sizes), most_rows, side="right")))
    return np.sort(np.array(order[:count], dtype=np.int64))


def _draw(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\t{name}".encode()).digest()
