"""What a model predicted for one test split, as a cell keeps it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.comparison.scoring import Scoring
from multiprot.evaluation.metrics.metric import Scorer


def predictions_name(probe: str, seed: int, split: str) -> str:
    """Name of the file in a cell's folder."""
    return f"{probe}-{seed}-{split}.npz"


@dataclass(frozen=True, slots=True)
class Predictions:
    """Of one model on one test split.

    Attributes
    ----------
    ids
        Of the entries.
    groups
        int [row]: position of each row's entry among `ids`.
    labels, predictions
        One row each.
    """

    ids: NDArray[np.str_]
    groups: NDArray[np.int32]
    labels: NDArray[Any]
    predictions: NDArray[np.float32]

    @classmethod
    def read(cls, path: Path) -> Predictions:
        """What a cell wrote; `EvaluationError` if it cannot be read."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(*(arrays[name] for name in ("ids", "groups", "labels", "predictions")))
        except (OSError, ValueError, KeyError, BadZipFile, zlib.error) as error:
            raise EvaluationError(
                f"{path}: cannot be read ({error}); remove {path.parent} and go on with --resume"
            ) from None

    def of(self, common: NDArray[np.str_]) -> Predictions:
        """Rows of some entries; entries stand in one order in the files of all models."""
        kept = np.isin(self.ids, common)[self.groups]
        return Predictions(self.ids, self.groups[kept], self.labels[kept], self.predictions[kept])


def primary_scorer(scoring: Scoring, file: Predictions) -> Scorer:
    """The primary metric of one model, as a function of how often rows count."""
    return scoring.scorers(file.labels, file.predictions, file.groups)[scoring.primary]
