"""One model on one task: trained, scored, and written down whole or not at all."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.comparison.options import EvaluateOptions
from multiprot.evaluation.comparison.predictions import predictions_name
from multiprot.evaluation.comparison.scoring import Scoring, scoring_of
from multiprot.evaluation.features import FeatureSource, TaskFeatures
from multiprot.evaluation.probes import FittedProbe, Problem, Rows, find_probe
from multiprot.evaluation.statistics import BootstrapOptions, interval_of
from multiprot.evaluation.tasks import Target, Task, Unit
from multiprot.evaluation.tasks.sample import sampled
from multiprot.evaluation.tasks.scored_by import ontology_hash
from multiprot.files import atomic_folder

CELL: Final = "cell.json"
_VALID_SHARE: Final = 5
"""A fifth as many rows as are learnt from are enough to choose a setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Which entries of a task a cell uses, int64 [entry] each.

    Attributes
    ----------
    train, valid
        To learn from and to choose a setting by; `valid` may be empty.
    tests
        Test split -> entries.
    """

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    tests: Mapping[str, NDArray[np.int64]]

    @classmethod
    def of(cls, task: Task, options: EvaluateOptions) -> Entries:
        """Those that the options ask for."""
        by_residue = task.specification.unit is Unit.RESIDUE
        most = options.max_residues if by_residue else options.max_rows
        fewer = None if most is None else max(10, most // _VALID_SHARE)
        return cls(
            train=sampled(task, "train", most),
            valid=sampled(task, "valid", fewer),
            tests={
                split: sampled(task, split, options.max_test_rows) for split in task.test_splits
            },
        )

    def all(self) -> NDArray[np.int64]:
        """Every entry once."""
        return np.unique(np.concatenate([self.train, self.valid, *self.tests.values()]))


def cell_key(source: FeatureSource, task: Task, options: EvaluateOptions) -> str:
    """SHA-256, in hex, of all that decides a cell's scores."""
    decides = {
        "source": source.identity,
        "task": task.content_hash,
        "ontology": ontology_hash(task),
        "specification": task.specification.model_dump(mode="json"),
        "options": options.model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True, default=str).encode()).hexdigest()


def make_cell(
    source: FeatureSource, task: Task, options: EvaluateOptions, folder: Path
) -> dict[str, Any]:
    """Train every probe on a model's vectors, score it, and write scores and predictions.

    Parameters
    ----------
    source
        The model.
    task
        The task.
    options
        How.
    folder
        Made whole or not at all; replaced if it is there.

    Returns
    -------
    dict
        What cell.json holds.

    Raises
    ------
    EvaluationError
        If nothing can be learnt or scored.
    """
    begun, known = time.monotonic(), source.residues_embedded
    entries = Entries.of(task, options)
    features = TaskFeatures(source, task, entries.all())
    scoring = scoring_of(task, options)
    rows = _Parts(task, features, entries)
    embedded = time.monotonic()
    with atomic_folder(folder, overwrite=True) as partial:
        runs = [
            _run(rows, scoring, options, probe, seed, partial)
            for probe in options.probes
            for seed in range(options.seeds)
        ]
        cell = {
            "key": cell_key(source, task, options),
            "model": source.name,
            "task": task.name,
            "primary_metric": scoring.primary,
            "greater_is_better": scoring.greater_is_better,
            "width": int(rows.train.features.shape[1]),
            "rows": rows.counts(),
            "refused": features.refused,
            "runs": runs,
            "seconds_embedding": round(embedded - begun, 3),
            "residues_embedded": source.residues_embedded - known,
            "seconds_probing": round(time.monotonic() - embedded, 3),
        }
        (partial / CELL).write_text(json.dumps(cell, indent=2), encoding="utf-8")
    return cell


class _Parts:
    """Rows of a task's parts, with one model's vectors."""

    def __init__(self, task: Task, features: TaskFeatures, entries: Entries) -> None:
        self.task = task
        self.train = self._rows(features, entries.train, "train")
        usable = features.usable(entries.valid)
        valid = features.rows(usable) if len(usable) else None
        self.valid = valid if valid is not None and len(valid) else None
        self.tests = {s: self._rows(features, e, s) for s, e in entries.tests.items()}

    def _rows(self, features: TaskFeatures, entries: NDArray[np.int64], split: str) -> Rows:
        usable = features.usable(entries)
        if not len(usable):
            raise EvaluationError(f"{self.task.name}: no entry of {split} has a vector")
        return features.rows(usable)

    def counts(self) -> dict[str, int]:
        """Rows by part."""
        valid = 0 if self.valid is None else len(self.valid)
        tests = {split: len(rows) for split, rows in self.tests.items()}
        return {"train": len(self.train), "valid": valid} | tests


def _run(
    parts: _Parts,
    scoring: Scoring,
    options: EvaluateOptions,
    probe: str,
    seed: int,
    folder: Path,
) -> dict[str, Any]:
    fitted = _fitted(parts, scoring, probe, seed)
    bootstrap = BootstrapOptions(resamples=options.resamples, confidence=options.confidence)
    splits = {}
    for split, rows in parts.tests.items():
        predictions = fitted.predict(rows.features)
        _write_predictions(
            folder / predictions_name(probe, seed, split), parts.task, rows, predictions
        )
        groups = np.asarray(rows.groups)
        units = scoring.units(groups)
        splits[split] = {
            name: interval_of(scorer, units, bootstrap).to_json()
            for name, scorer in scoring.scorers(rows.labels, predictions, groups).items()
        }
    return {"probe": probe, "seed": seed, "chosen": dict(fitted.chosen), "splits": splits}


def _fitted(parts: _Parts, scoring: Scoring, probe: str, seed: int) -> FittedProbe:
    target, names = parts.task.labels.target, parts.task.labels.names
    outputs = len(names) if target in (Target.MULTICLASS, Target.MULTILABEL) else 1
    train = parts.train
    training = Rows(train.features, _learnt(parts.task, train.labels), train.groups)
    problem = Problem(target, outputs, scoring.choose)
    return find_probe(probe).fit(training, problem, validation=parts.valid, seed=seed)


def _learnt(task: Task, labels: NDArray[Any]) -> NDArray[Any]:
    """Labels to learn: of several, those with enough examples."""
    least = task.specification.least_examples
    if task.labels.target is not Target.MULTILABEL or not least:
        return labels
    return np.asarray(labels & (labels.sum(axis=0) >= least))


def _write_predictions(
    path: Path, task: Task, rows: Rows, predictions: NDArray[np.float64]
) -> None:
    entries, groups = np.unique(np.asarray(rows.groups), return_inverse=True)
    np.savez_compressed(
        path,
        ids=np.array([task.ids[entry] for entry in entries]),
        groups=groups.astype(np.int32),
        labels=rows.labels,
        predictions=predictions.astype(np.float32),
    )
