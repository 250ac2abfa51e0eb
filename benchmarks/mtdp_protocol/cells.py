"""One model on one task, kept on disk: a second run computes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.mtdp_protocol.design import CASES
from benchmarks.mtdp_protocol.protocol import Proteins, merged, official_split, random_folds
from multiprot.evaluation.features import FeatureSource
from multiprot.evaluation.tasks import Task
from multiprot.evaluation.tasks.labels import Labels
from multiprot.files import atomic_file

_DRAW: Final = 0
"""Seed of the entries that a trial takes."""

Cell = dict[str, dict[str, list[float]]]
"""Metric -> protocol -> values."""


class Trial(NamedTuple):
    """How much of a task is used, and how vectors are given to the head."""

    most: int | None
    standardised: bool


def cell(source: FeatureSource, task: Task, folder: str, trial: Trial, out: Path) -> Cell:
    """Scores of one model on one task: those that `out` has, or else computed now.

    Parameters
    ----------
    source
        The model.
    task
        The task.
    folder
        Its name in `CASES`.
    trial
        How much of it.
    out
        Folder of the run.
    """
    decides = {
        "vectors": dict(source.identity),
        "task": task.content_hash,
        "most": trial.most,
        "standardised": trial.standardised,
    }
    path = out / "cells" / f"{source.name.replace('/', '-')}--{folder}.json"
    if path.is_file():
        known = json.loads(path.read_text(encoding="utf-8"))
        if known["decides"] == decides:
            return dict(known["scores"])
    metrics = CASES[folder].metrics
    proteins = proteins_of(source, task, trial)
    scores = merged(random_folds(proteins, metrics), official_split(proteins, metrics))
    _keep(path, {"decides": decides, "proteins": len(proteins.vectors), "scores": scores})
    return scores


def proteins_of(source: FeatureSource, task: Task, trial: Trial) -> Proteins:
    """Vectors, labels and splits of the entries that are used and that the model takes."""
    chosen = chosen_entries(len(task), trial.most)
    sequences = [task.sequences[0][row] for row in chosen]
    refused = source.missing(list(dict.fromkeys(sequences)), residues=False)
    usable = np.array([sequence not in refused for sequence in sequences])
    chosen = chosen[usable]
    vectors = source.proteins([task.sequences[0][row] for row in chosen])
    if not isinstance(vectors, np.ndarray):
        vectors = vectors.toarray()
    if trial.standardised:
        vectors = standardised(vectors, task.splits[chosen] == "train")
    return Proteins(vectors.astype(np.float32), _labels(task.labels, chosen), task.splits[chosen])


def chosen_entries(count: int, most: int | None) -> NDArray[np.int64]:
    """int64 [entry]: all of `count`, or `most` of them at random, in their order."""
    if most is None or most >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(_DRAW).permutation(count)[:most])


def standardised(vectors: NDArray[np.float32], of: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Channels in deviations from their mean, both of the proteins `of`; no label is looked at."""
    mean, deviation = vectors[of].mean(axis=0), vectors[of].std(axis=0)
    found: NDArray[np.float32] = (vectors - mean) / np.where(deviation > 0, deviation, 1)
    return found


def _labels(labels: Labels, rows: NDArray[np.int64]) -> Labels:
    return Labels(
        target=labels.target,
        values=labels.values[rows],
        names=labels.names,
        scored=labels.scored[rows],
        offsets=np.arange(len(rows) + 1),
    )


def _keep(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
