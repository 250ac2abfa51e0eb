"""The choice of a probe's one setting, by a validation part or by cross-validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.probes.folds import parts
from multiprot.evaluation.probes.rows import Features, Problem, Rows

CROSS_VALIDATED_ROWS: Final = 20_000
"""With more rows than this, one fifth is held out once instead of each fifth in its turn."""

ModelT = TypeVar("ModelT")
ModelT_co = TypeVar("ModelT_co", covariant=True)


class Path(Protocol[ModelT_co]):
    """Models of one kind that differ in one setting."""

    @property
    def settings(self) -> Sequence[float]:
        """What is tried, in order; of equals, the first is taken."""

    @property
    def patience(self) -> int:
        """After how many settings in a row that are worse than the best no more is tried."""

    def along(
        self, training: Rows, queries: Features
    ) -> Iterator[tuple[ModelT_co, NDArray[np.float64]]]:
        """For each setting the model that `training` gives, and its predictions for `queries`."""

    def model(self, training: Rows, setting: float) -> ModelT_co:
        """The model of one setting."""


@dataclass(frozen=True, slots=True)
class Chosen(Generic[ModelT]):
    """What was chosen, and why.

    Attributes
    ----------
    setting
        The chosen one.
    model
        Learnt from all training rows.
    score
        Of the held-out rows.
    held_out
        "validation", "cross-validation" or "a fifth of the training part".
    """

    setting: float
    model: ModelT
    score: float
    held_out: str


def choose(
    path: Path[ModelT], training: Rows, problem: Problem, validation: Rows | None, seed: int
) -> Chosen[ModelT]:
    """The setting whose predictions of held-out rows score best.

    Rows are held out in five folds, all of them scored together, where there is no validation
    part. The validation part itself is never learnt from.

    Raises
    ------
    EvaluationError
        If no setting's score is a number.
    """
    if validation is not None:
        streams = [path.along(training, validation.features)]
        labels, held_out = validation.labels, "validation"
    else:
        whole = len(training) <= CROSS_VALIDATED_ROWS
        held_out = "cross-validation" if whole else "a fifth of the training part"
        splits = parts(training, problem, seed) if whole else parts(training, problem, seed, 1)
        labels = training.labels[np.concatenate([held for _, held in splits])]
        streams = [
            path.along(training.part(learnt), training.features[held]) for learnt, held in splits
        ]
    setting, score, model = _best(path, streams, labels, problem)
    if np.isnan(score):
        raise EvaluationError(
            f"the score that chooses a probe's settings is undefined on all {len(labels)} rows of "
            f"{held_out}, whatever the setting; they may all have the same label"
        )
    if validation is None:
        model = path.model(training, setting)
    return Chosen(setting, model, score, held_out)


def _best(
    path: Path[ModelT],
    streams: list[Iterator[tuple[ModelT, NDArray[np.float64]]]],
    labels: NDArray[Any],
    problem: Problem,
) -> tuple[float, float, ModelT]:
    best: tuple[float, float, ModelT] | None = None
    worse = 0
    for setting, steps in zip(path.settings, zip(*streams, strict=True), strict=True):
        predictions = np.concatenate([predicted for _, predicted in steps])
        score = float(problem.score(labels, predictions))
        if best is None or np.isnan(best[1]) or score > best[1]:
            best, worse = (setting, score, steps[0][0]), 0
        elif score < best[1]:
            worse += 1
        if worse >= path.patience:
            break
    if best is None:
        raise EvaluationError(f"a probe with the settings {path.settings} has nothing to try")
    return best
