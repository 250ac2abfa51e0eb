"""What a task's predictions are to be scored by, and whether they can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from multiprot.errors import EvaluationError, MultiprotError
from multiprot.evaluation.metrics import metric_named
from multiprot.evaluation.metrics.per_protein import SUFFIX
from multiprot.evaluation.tasks.findings import Finding, Severity
from multiprot.evaluation.tasks.task import Task
from multiprot.evaluation.tasks.task_type import Unit
from multiprot.files import sha256
from multiprot.ontology import GeneOntology, Namespace

GO_VALUES: Final = ("fmax", "smin", "aupr", "fmax_weighted")
"""CAFA's values that a table shows, of each namespace."""

_GO_NAMES: Final = frozenset(f"{value}_{space.value}" for space in Namespace for value in GO_VALUES)


def task_ontology(task: Task) -> GeneOntology:
    """The ontology of a task whose labels are GO ids.

    Raises
    ------
    EvaluationError
        If a label is no term of it.
    MultiprotError
        If the file is missing or no ontology.
    """
    ontology = GeneOntology.from_obo(task.path.parent / str(task.specification.ontology))
    unknown = [name for name in task.labels.names if name not in ontology]
    if unknown:
        raise EvaluationError(
            f"{task.path}: label {unknown[0]!r} ({len(unknown)} such labels) is no term of "
            f"{task.specification.ontology}; take the release that the labels are of"
        )
    return ontology


def ontology_hash(task: Task) -> str | None:
    """SHA-256 of the ontology's file; None for a task without one."""
    name = task.specification.ontology
    return None if name is None else sha256(task.path.parent / name)


def label_namespaces(task: Task, ontology: GeneOntology) -> list[Namespace]:
    """Those that the labels are of."""
    spaces = {ontology.namespace(name) for name in task.labels.names}
    return [namespace for namespace in Namespace if namespace in spaces]


def greater_is_better(name: str) -> bool:
    """Whether a better model has a greater value of a number that tables show.

    Parameters
    ----------
    name
        Of a metric, or one of CAFA's values with a namespace behind it.

    Raises
    ------
    EvaluationError
        If there is no such number.
    """
    if name in _GO_NAMES:
        return not name.startswith("smin")
    return metric_named(name).greater_is_better


def check_go_metric(task: Task, namespaces: Sequence[Namespace]) -> None:
    """Refuse a primary metric that is none of CAFA's.

    Raises
    ------
    EvaluationError
        Names those that there are.
    """
    known = [f"{value}_{space.value}" for space in namespaces for value in GO_VALUES]
    if task.specification.primary_metric not in known:
        raise EvaluationError(
            f"{task.path.parent}: primary_metric {task.specification.primary_metric!r} is not one "
            f"of {', '.join(known)}, as a task with an ontology needs; correct task.json"
        )


def check_metric(task: Task) -> None:
    """Refuse a primary metric that predictions of the task cannot be scored by.

    Raises
    ------
    EvaluationError
        If there is no such metric, or not for such labels.
    MultiprotError
        If a task of GO terms has no usable ontology.
    """
    if task.specification.ontology is not None:
        check_go_metric(task, label_namespaces(task, task_ontology(task)))
        return
    metric = metric_named(task.specification.primary_metric, task.labels.target)
    if metric.name.endswith(SUFFIX) and task.specification.unit is not Unit.RESIDUE:
        raise EvaluationError(
            f"metric {metric.name!r} is a mean over the residues of proteins, which a "
            f"{task.specification.task_type} task does not score; choose "
            f"{metric.name.removesuffix(SUFFIX)!r}"
        )


def scored_by(task: Task) -> Iterator[Finding]:
    """What is wrong with the primary metric, or with the ontology."""
    try:
        check_metric(task)
    except MultiprotError as error:
        yield Finding(Severity.ERROR, "metric", f"primary_metric: {error}")
