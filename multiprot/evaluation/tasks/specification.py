"""The `task.json` of a task folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from multiprot.config.problems import describe
from multiprot.errors import EvaluationError
from multiprot.evaluation.tasks.task_type import Target, TaskType, Unit
from multiprot.files import read_bytes

SPECIFICATION: Final = "task.json"


class TaskSpecification(BaseModel):
    """What a task is; further keys of the file (references, licences, counts) are kept as they are.

    Attributes
    ----------
    name
        Not empty, of letters that can be printed; tables show it.
    task_type
        What has a label, and of what kind it is.
    primary_metric
        Name of the metric that ranks models.
    label_separator
        Between the labels of a residue task's residues ("": each is one character), or between
        the labels of one entry of a multilabel task.
    ignore_label
        A residue with this label is not scored.
    class_names
        All classes or labels, in their order, each once; empty: those that occur, sorted.
    ontology
        OBO file in the folder, where labels are GO ids: predictions are scored as CAFA does.
    least_examples
        A label of a multilabel task that fewer training entries have is not learnt, but scored.
    description, caveat
        For people.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    task_type: TaskType
    primary_metric: str
    label_separator: str | None = None
    ignore_label: str | None = None
    class_names: tuple[str, ...] = ()
    ontology: str | None = None
    least_examples: int = Field(default=0, ge=0)
    description: str = ""
    caveat: str = ""

    @field_validator("name")
    @classmethod
    def _shown(cls, value: str) -> str:
        if not value.strip() or not value.isprintable():
            raise ValueError("must be a name that can be shown in a table")
        return value

    @field_validator("class_names")
    @classmethod
    def _different(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("must hold each name once")
        return value

    @model_validator(mode="after")
    def _two_classes(self) -> Self:
        if self.target is Target.BINARY and len(self.class_names) not in (0, 2):
            raise ValueError(
                f"class_names has {len(self.class_names)} names; a binary task has two, of 0 and "
                "of 1"
            )
        return self

    @property
    def target(self) -> Target:
        """The kind of its labels."""
        return self.task_type.target

    @property
    def unit(self) -> Unit:
        """What has a label."""
        return self.task_type.unit

    @property
    def separator(self) -> str:
        """`label_separator`; where the file gives none, "" for residues and ";" for entries."""
        if self.label_separator is not None:
            return self.label_separator
        return "" if self.unit is Unit.RESIDUE else ";"


def read_specification(folder: Path) -> TaskSpecification:
    """The specification in a task folder.

    Raises
    ------
    EvaluationError
        If there is no task.json, or it is not one; every problem on a line of its own.
    """
    path = folder / SPECIFICATION
    if not path.is_file():
        raise EvaluationError(
            f"{folder}: no {SPECIFICATION} in it; a task folder holds one and data.csv, "
            "data.csv.gz or data.parquet"
        )
    try:
        tree: Any = json.loads(read_bytes(path))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path}: not JSON, {error}; correct the file") from None
    try:
        return TaskSpecification.model_validate(tree)
    except ValidationError as error:
        told = describe(error, TaskSpecification, tree, origins={}, source=str(path))
        raise EvaluationError(told) from None
