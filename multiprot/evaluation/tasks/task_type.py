"""What a task asks for: of what it has a label, and of what kind the label is."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Unit(StrEnum):
    """What has a label."""

    PROTEIN = "protein"
    RESIDUE = "residue"
    PAIR = "pair"
    PROTEIN_LIGAND = "protein_ligand"


class Target(StrEnum):
    """The kind of a label: a number, yes or no, one of several classes, any of several labels."""

    REGRESSION = "regression"
    BINARY = "binary"
    MULTICLASS = "multiclass"
    MULTILABEL = "multilabel"


class TaskType(StrEnum):
    """The `task_type` of a task folder: a unit and a target, of which "protein" goes unsaid."""

    REGRESSION = "regression"
    BINARY = "binary"
    MULTICLASS = "multiclass"
    MULTILABEL = "multilabel"
    RESIDUE_REGRESSION = "residue_regression"
    RESIDUE_BINARY = "residue_binary"
    RESIDUE_MULTICLASS = "residue_multiclass"
    RESIDUE_MULTILABEL = "residue_multilabel"
    PAIR_REGRESSION = "pair_regression"
    PAIR_BINARY = "pair_binary"
    PAIR_MULTICLASS = "pair_multiclass"
    PAIR_MULTILABEL = "pair_multilabel"
    PROTEIN_LIGAND_REGRESSION = "protein_ligand_regression"
    PROTEIN_LIGAND_BINARY = "protein_ligand_binary"
    PROTEIN_LIGAND_MULTICLASS = "protein_ligand_multiclass"
    PROTEIN_LIGAND_MULTILABEL = "protein_ligand_multilabel"

    @property
    def target(self) -> Target:
        """The kind of its labels."""
        return Target(self.value.rsplit("_", 1)[-1])

    @property
    def unit(self) -> Unit:
        """What has a label."""
        unit = self.value.removesuffix(self.target).rstrip("_")
        return Unit(unit) if unit else Unit.PROTEIN


SEQUENCE_COLUMNS: Final = {
    Unit.PROTEIN: ("sequence",),
    Unit.RESIDUE: ("sequence",),
    Unit.PAIR: ("sequence_a", "sequence_b"),
    Unit.PROTEIN_LIGAND: ("sequence",),
}
"""Columns of a task's table that hold sequences."""
