"""Tasks whose numbers are differences: of a mutant from its wild type, which the table has, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from multiprot.errors import EvaluationError
from multiprot.evaluation.tasks import Target, Task, Unit
from multiprot.evaluation.tasks.table import read_columns
from multiprot.evaluation.tasks.task_type import SEQUENCE_COLUMNS
from multiprot.proteins.alphabet import RESIDUE_LETTERS


def with_wild_type(task: Task, columns: Sequence[str]) -> Task:
    """The task with the wild type's sequences behind the mutant's own; unchanged for no columns.

    Parameters
    ----------
    task
        The task.
    columns
        Of its table: the wild type's sequences, in the order of the mutant's.

    Raises
    ------
    EvaluationError
        If the task's labels are no numbers of whole proteins, or a column is missing or holds what
        is no sequence.
    """
    if not columns:
        return task
    told = task.specification
    own = SEQUENCE_COLUMNS[told.unit]
    if told.target is not Target.REGRESSION or told.unit is Unit.RESIDUE:
        raise EvaluationError(
            f"{task.name}: a difference from a wild type is a number of whole proteins, and this "
            f"task is {told.task_type.value}; leave --wild-type out"
        )
    if len(columns) != len(own):
        raise EvaluationError(
            f"{task.name}: {len(columns)} columns of the wild type ({', '.join(columns)}); one for "
            f"each of {', '.join(own)} is needed"
        )
    table = read_columns(task.path, sorted({"id", *columns}))
    ids = [str(value) for value in table.column("id").to_pylist()]
    further = []
    for name in columns:
        by_id = dict(zip(ids, map(str, table.column(name).to_pylist()), strict=True))
        further.append(tuple(by_id[entry] for entry in task.ids))
        _refuse_odd_letters(task, name, further[-1])
    return replace(task, sequences=(*task.sequences, *further))


def _refuse_odd_letters(task: Task, name: str, sequences: Iterable[str]) -> None:
    for entry, sequence in zip(task.ids, sequences, strict=True):
        if not sequence or set(sequence) - set(RESIDUE_LETTERS):
            raise EvaluationError(
                f"{task.path}: entry {entry}: {sequence[:20]!r} in {name} is no sequence of "
                f"{RESIDUE_LETTERS}; correct it or drop the row"
            )
