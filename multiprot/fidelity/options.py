"""Settings of a fidelity card."""

from __future__ import annotations

from pydantic import Field, field_validator

from multiprot.config import Section
from multiprot.evaluation.comparison.options import EvaluateOptions

NONE = "none"
"""What stands for no task at all where tasks are named."""


class FidelityOptions(Section):
    """What is measured of a student beside its teachers. All of it is written into the card."""

    min_retained: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Least share of what the teachers know that the student must retain, such as 0.97; below it
    the exit code is 2. None: whatever it is."""
    not_counted: tuple[str, ...] = ("tape_fluorescence", "fluorescence", "dms_pab1")
    """Tasks that are scored and shown but do not count for what is retained, repeated for several;
    none: every task counts. By default those whose proteins are substitutions of one sequence and
    are solved as well by one-hot letters: they tell nothing of what a model has learnt."""
    tolerance: float = Field(default=0.015, gt=0, lt=1)
    """How near to the teacher's score a score must be to count as kept, as a share of it; ±1.5 %
    is MTDP's measure."""
    neighbours: int = Field(default=10, ge=1, le=1000)
    """Nearest proteins of each protein that are compared."""
    max_proteins: int = Field(default=2000, ge=8)
    """Proteins compared at most; of more, those whose sequences have the smallest hashes."""
    max_compared_residues: int = Field(default=20_000, ge=100)
    """Residues whose tokens are compared, of whole proteins and of eight at least."""
    timed_residues: int = Field(default=20_000, ge=1)
    """Residues of the proteins that are embedded to measure speed, eight at least."""
    rounds: int = Field(default=5, ge=1)
    """Times that each model embeds them, in turns, after a run that warms up."""

    @field_validator("not_counted")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return () if value == (NONE,) else tuple(dict.fromkeys(value))


class FidelityScoring(EvaluateOptions):
    """How the models are scored on tasks."""

    seeds: int = Field(default=3, ge=1)
    """Times that each probe is trained, each with another seed; scores are their means."""
