"""What no probe can learn from is refused before any learns."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.probes.rows import Features, Problem, Rows, row_blocks
from multiprot.evaluation.probes.scaling import Scaler
from multiprot.evaluation.tasks.task_type import Target

FEWEST_ROWS: Final = 10


def check_training(training: Rows, validation: Rows | None, problem: Problem) -> None:
    """Refuse rows from which nothing can be learnt.

    Raises
    ------
    EvaluationError
        If there are fewer than 10 training rows, labels and features do not fit each other or the
        problem, a number is NaN or infinite, all training labels are the same, or no channel
        varies.
    """
    if len(training) < FEWEST_ROWS:
        raise EvaluationError(
            f"the training part has {len(training)} rows; a probe needs at least {FEWEST_ROWS}"
        )
    _check_rows(training, problem, "training")
    _check_labels_differ(training.labels, problem)
    if not len(Scaler.of(training.features).kept):
        raise EvaluationError(
            f"none of the {training.features.shape[1]} channels differs between the "
            f"{len(training)} training rows; nothing can be learnt from such features"
        )
    if validation is not None:
        if not len(validation):
            raise EvaluationError("the validation part has 0 rows; pass None where there is none")
        check_features(validation.features, training.features.shape[1], "validation")
        _check_rows(validation, problem, "validation")


def check_features(features: Features, width: int, part: str) -> None:
    """Refuse features of another width than in training, or that are not finite.

    Raises
    ------
    EvaluationError
        Names the row and the channel, counted from 0.
    """
    if features.ndim != 2 or features.shape[1] != width:
        raise EvaluationError(
            f"{part} features have the shape {features.shape}, the probe was trained on "
            f"{width} channels; embed all parts with the same model"
        )
    for rows in row_blocks(features.shape[0]):
        block = features[rows]
        values = block if isinstance(block, np.ndarray) else block.data
        if not np.isfinite(values).all():
            dense = block if isinstance(block, np.ndarray) else block.toarray()
            row, channel = np.argwhere(~np.isfinite(dense))[0]
            raise EvaluationError(
                f"{part} features: channel {channel} of row {rows.start + row} is "
                f"{dense[row, channel]}; embed that protein again"
            )


def _check_rows(rows: Rows, problem: Problem, part: str) -> None:
    features, labels = rows.features, rows.labels
    check_features(features, features.shape[-1], part)
    shape: tuple[int, ...] = (len(rows),)
    if problem.target is Target.MULTILABEL:
        shape = (len(rows), problem.outputs)
    if labels.shape != shape:
        raise EvaluationError(
            f"{part} labels have the shape {labels.shape}; a {problem.target} task of "
            f"{problem.outputs} outputs and {len(rows)} rows needs {shape}"
        )
    if rows.groups is not None and len(rows.groups) != len(rows):
        raise EvaluationError(f"{part} part: {len(rows.groups)} groups for {len(rows)} rows")
    if np.issubdtype(labels.dtype, np.floating) and not np.isfinite(labels).all():
        row = int(np.argwhere(~np.isfinite(labels))[0][0])
        raise EvaluationError(
            f"the label of {part} row {row} is {labels[row]}; leave rows without a label out"
        )
    _check_range(labels, problem, part)


def _check_range(labels: NDArray[Any], problem: Problem, part: str) -> None:
    if problem.target is Target.REGRESSION:
        return
    classes = problem.outputs if problem.target is Target.MULTICLASS else 2
    wrong = (labels < 0) | (labels >= classes) | (labels != labels.astype(np.int64))
    if wrong.any():
        row = int(np.argwhere(wrong)[0][0])
        raise EvaluationError(
            f"the label of {part} row {row} is {labels[row]}; it must be a whole number from 0 to "
            f"{classes - 1}"
        )


def _check_labels_differ(labels: NDArray[Any], problem: Problem) -> None:
    if (labels != labels[0]).any():
        return
    value, count = labels[0], len(labels)
    if problem.target is Target.MULTILABEL:
        raise EvaluationError(
            f"all {count} training rows have the same {int(value.sum())} of {len(value)} labels; "
            "nothing can be learnt from labels that do not differ"
        )
    what = "target" if problem.target is Target.REGRESSION else "class"
    raise EvaluationError(
        f"all {count} training rows have the {what} {value}; nothing can be learnt from labels "
        "that do not differ"
    )
