"""A task dealt into folds, each of which is its test part once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.probes.folds import dealt
from multiprot.evaluation.tasks import Target, Task, Unit
from multiprot.evaluation.tasks.table import read_columns
from multiprot.finetuning.rows import own_columns
from multiprot.training.seeding import seed_at

_DEALT: Final = ("train", "valid", "test")
_LEAST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Folding:
    """How a task is dealt into folds.

    Attributes
    ----------
    count
        Folds.
    groups
        Column of the task's table whose values stay together; None: entries of the same sequences
        (and ligand) do, whichever of two comes first.
    """

    count: int
    groups: str | None = None


def fold_tasks(task: Task, folding: Folding, *, valid_share: float, seed: int) -> list[Task]:
    """The task once for each fold, with splits that say what is learnt there and what is tested.

    The entries of train, valid and test are dealt; those of further test splits stay where they
    are. Of what a fold leaves, `valid_share` is its valid part. Groups are never torn, neither
    between folds nor between train and valid; where all entries differ, classes are dealt evenly.

    Parameters
    ----------
    task
        The task.
    folding
        Into how many, and what stays together.
    valid_share
        Of the entries that are not tested.
    seed
        Decides who goes where.

    Raises
    ------
    EvaluationError
        If there are fewer than two folds, or more than entries or groups; or if the column of
        groups is not there or has no value for an entry.
    """
    entries = np.flatnonzero(np.isin(task.splits, _DEALT))
    classes, groups = _classes(task, entries), _groups(task, entries, folding)
    _refuse_count(task, folding, len(np.unique(groups)))
    torn = None if len(np.unique(groups)) == len(entries) else groups
    home = dealt(classes, torn, folding.count, seed_at(seed, "folds"))
    found = []
    for fold in range(folding.count):
        rest = np.flatnonzero(home != fold)
        rng = np.random.default_rng([seed_at(seed, "valid of fold"), fold])
        held = _held_out(classes[rest], None if torn is None else torn[rest], valid_share, rng)
        splits = task.splits.astype(object)
        splits[entries] = "test"
        splits[entries[rest]] = np.where(held, "valid", "train")
        found.append(_named(task, folding, fold + 1, splits.astype(np.str_)))
    return found


def _named(task: Task, folding: Folding, number: int, splits: NDArray[np.str_]) -> Task:
    by = f" by {folding.groups}" if folding.groups else ""
    name = f"fold {number} of {folding.count}{by}"
    return replace(task, splits=splits, split_column=name)


def _classes(task: Task, entries: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64 [entry]: what is dealt evenly."""
    named = task.labels.target in (Target.BINARY, Target.MULTICLASS)
    if not named or task.specification.unit is Unit.RESIDUE:
        return np.zeros(len(entries), dtype=np.int64)
    return np.asarray(task.labels.values[entries])


def _groups(task: Task, entries: NDArray[np.int64], folding: Folding) -> NDArray[np.int64]:
    """int64 [entry]: entries of one number stay together."""
    values = _twins(task) if folding.groups is None else _column(task, folding.groups)
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(values[row], len(numbers)) for row in entries])


def _twins(task: Task) -> Sequence[Any]:
    """Of each entry what a model sees of it: two proteins in no order, each with its wild type."""
    ligands = task.ligands or ("",) * len(task)
    own = own_columns(task)
    proteins = [list(zip(*task.sequences[place::own], strict=True)) for place in range(own)]
    return [
        (*sorted(protein[row] for protein in proteins), ligands[row]) for row in range(len(task))
    ]


def _column(task: Task, name: str) -> Sequence[str]:
    table = read_columns(task.path, sorted({"id", name}))
    texts = (str(value) for value in table.column(name).to_pylist())
    by_id = dict(zip((str(value) for value in table.column("id").to_pylist()), texts, strict=True))
    empty = next((entry for entry in task.ids if not by_id[entry].strip()), None)
    if empty is not None:
        raise EvaluationError(
            f"{task.path}: entry {empty} has no {name}, by which folds are dealt; fill it, or name "
            "another column"
        )
    return [by_id[entry] for entry in task.ids]


def _refuse_count(task: Task, folding: Folding, groups: int) -> None:
    if folding.count < _LEAST:
        raise EvaluationError(
            f"{task.name}: {folding.count} folds; {_LEAST} or more are needed, one to test on and "
            "others to learn from"
        )
    if folding.count > groups:
        what = f"values of {folding.groups}" if folding.groups else "different entries"
        raise EvaluationError(
            f"{task.name}: {folding.count} folds of {groups} {what}; ask for {groups} folds at most"
        )


def _held_out(
    classes: NDArray[np.int64],
    groups: NDArray[np.int64] | None,
    share: float,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """bool [entry]: which are for the valid part; about `share` of them, and of each class."""
    held = np.zeros(len(classes), dtype=bool)
    if groups is None:
        order = rng.permutation(len(classes))
        order = order[np.argsort(classes[order], kind="stable")]
        places = np.arange(len(order) + 1)
        held[order] = np.diff(np.floor(places * share)) > 0
        return held
    names, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    left, chosen = share * len(classes), np.zeros(len(names), dtype=bool)
    for each in rng.permutation(len(names)):
        # A large group is passed over: it would leave too little to learn from.
        chosen[each] = sizes[each] <= left
        left -= sizes[each] * chosen[each]
    return np.asarray(chosen[group])
