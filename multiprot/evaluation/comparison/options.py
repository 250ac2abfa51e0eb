"""Settings of a comparison of models."""

from __future__ import annotations

from pydantic import Field, field_validator

from multiprot.config import Section


class EvaluateOptions(Section):
    """How models are scored on tasks. All of it is written into the results."""

    probes: tuple[str, ...] = Field(default=("linear",), min_length=1)
    """Simple models trained on the vectors: linear, knn, mlp; repeated for several."""
    metrics: tuple[str, ...] = ()
    """Metrics beside each task's primary one, repeated for several; none: the usual ones."""
    split_column: str = "split"
    """Column of the tasks that says train, valid or test."""
    max_rows: int | None = Field(default=None, ge=10)
    """Entries to train on at most, and a fifth as many to choose a setting on; a seeded sample by
    id. None: all."""
    max_residues: int = Field(default=200_000, ge=10)
    """The same for residue tasks, in residues of whole proteins."""
    max_test_rows: int | None = Field(default=None, ge=10)
    """Entries, or residues, to score on at most. None: all."""
    seeds: int = Field(default=1, ge=1)
    """Times that each probe is trained, each with another seed."""
    resamples: int = Field(default=1000, ge=2)
    """Resamples of a bootstrap interval."""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    """Confidence of the intervals."""

    @field_validator("probes", "metrics")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value))
