"""Rows dealt into folds, each of which is held out in its turn."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.probes.rows import Problem, Rows
from multiprot.evaluation.tasks.task_type import Target

FOLDS: Final = 5


def fold_of_rows(training: Rows, problem: Problem, seed: int) -> NDArray[np.int64]:
    """Which of five folds each row is in.

    Folds differ by one row at most; of a binary or multiclass task each class is dealt evenly.
    With groups, whole groups are dealt in random order, each to the fold that has fewest rows.

    Returns
    -------
    NDArray[np.int64]
        [row], from 0 to 4.

    Raises
    ------
    EvaluationError
        If there are groups, but fewer than two.
    """
    groups = training.groups
    if groups is not None and len(np.unique(groups)) < 2:
        raise EvaluationError(
            f"all {len(training)} training rows are of one group, so none can be held out to "
            "choose a probe's settings by; give the task a validation part"
        )
    by_class = problem.target in (Target.BINARY, Target.MULTICLASS)
    classes = training.labels if by_class else np.zeros(len(training), dtype=np.int64)
    return dealt(classes, groups, FOLDS, seed)


def dealt(
    classes: NDArray[Any], groups: NDArray[Any] | None, folds: int, seed: int
) -> NDArray[np.int64]:
    """Which of some folds each row is in, int64 [row] from 0; one may stay empty.

    Parameters
    ----------
    classes
        [row]: each is dealt evenly; without groups, folds differ by one row at most.
    groups
        Optional, any kind that sorts, [row]: whole groups are dealt in random order, each to the
        fold that has fewest rows, and classes do not count.
    folds
        How many.
    seed
        Decides the order.
    """
    rng = np.random.default_rng(seed)
    if groups is None:
        order = rng.permutation(len(classes))
        order = order[np.argsort(classes[order], kind="stable")]
        places = np.empty(len(classes), dtype=np.int64)
        places[order] = np.arange(len(order)) % folds
        return places
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    filled, home = np.zeros(folds, dtype=np.int64), np.empty(len(sizes), dtype=np.int64)
    for each in rng.permutation(len(sizes)):
        home[each] = np.argmin(filled)
        filled[home[each]] += sizes[each]
    return np.asarray(home[group])


def parts(
    training: Rows, problem: Problem, seed: int, most: int = FOLDS
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to learn from and rows held out, once for each of the first `most` folds that has any.

    Returns
    -------
    list
        Pairs of int64 arrays, each in ascending order.
    """
    folds = fold_of_rows(training, problem, seed)
    found = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in range(most)]
    return [(learnt, held) for learnt, held in found if len(held)]
