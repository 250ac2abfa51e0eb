"""Task folders: what they hold, and whether it can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.evaluation.tasks.check import check_task, task_folders, task_summary
    from multiprot.evaluation.tasks.findings import Finding, Severity, TaskReport
    from multiprot.evaluation.tasks.from_corpus import go_task
    from multiprot.evaluation.tasks.labels import Labels
    from multiprot.evaluation.tasks.screening import Resemblance, screen, write_exclusion
    from multiprot.evaluation.tasks.specification import TaskSpecification
    from multiprot.evaluation.tasks.task import Task, load_task
    from multiprot.evaluation.tasks.task_type import Target, TaskType, Unit

_HOMES: Final = {
    "Finding": "findings",
    "Labels": "labels",
    "Resemblance": "screening",
    "Severity": "findings",
    "Target": "task_type",
    "Task": "task",
    "TaskReport": "findings",
    "TaskSpecification": "specification",
    "TaskType": "task_type",
    "Unit": "task_type",
    "check_task": "check",
    "go_task": "from_corpus",
    "load_task": "task",
    "screen": "screening",
    "task_folders": "check",
    "task_summary": "check",
    "write_exclusion": "screening",
}

__all__ = [
    "Finding",
    "Labels",
    "Resemblance",
    "Severity",
    "Target",
    "Task",
    "TaskReport",
    "TaskSpecification",
    "TaskType",
    "Unit",
    "check_task",
    "go_task",
    "load_task",
    "screen",
    "task_folders",
    "task_summary",
    "write_exclusion",
]

__getattr__ = lazy_names(__name__, _HOMES)
