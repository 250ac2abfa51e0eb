"""What a study compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to pretrain.

    Attributes
    ----------
    name
        In tables and of folders.
    overrides
        Settings of the recipe.
    seeds
        How often, each time from other weights and with other batches.
    objectives
        Those of the recipe that are learnt, by name; None for all, () for weights as drawn.
    model
        What `multiprot evaluate` is to score, where the model is there already, as a teacher is;
        nothing is made then.
    """

    name: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    seeds: int = 1
    objectives: tuple[str, ...] | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """What is compared, on what, and beside what.

    Attributes
    ----------
    module
        That runs it, as after `python -m`.
    variants
        One row of the table each.
    tasks
        Folder below that of the tasks -> probe.
    baseline
        Name of the variant that the others are compared with.
    """

    module: str
    variants: tuple[Variant, ...]
    tasks: Mapping[str, str]
    baseline: str
