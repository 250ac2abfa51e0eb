"""What is compared; fixed before any result was looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

RANDOM: Final = "random"
FIVE: Final = ("masked-residue", "masked-go", "motif-tagging", "domain-tagging", "region-tagging")
CONTRAST: Final = "go-contrast"

TASKS: Final = {
    "tape_stability": "linear",
    "tape_fluorescence": "linear",
    "secondary_structure_q3": "linear",
    # A linear model of 1,195 folds would take longer than the pretraining.
    "tape_remote_homology": "knn",
    "disorder_chezod": "linear",
    "flip_bind": "linear",
    "flip_conservation": "linear",
}
"""Task -> probe. The first three tasks are those of the notebook of MASSA's authors."""

_READS_NO_GO: Final = {"model.go": "null", "model.fusion.go_exchange": "null"}
_READS_NO_STRUCTURE: Final = {"model.structure": "null", "batch.structure_share": "null"}


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to pretrain.

    Attributes
    ----------
    name
        In tables and of folders.
    objectives
        What is learnt; empty for weights as they are drawn.
    overrides
        Further settings of the recipe.
    seeds
        How often, each time from other weights and with other batches.
    """

    name: str
    objectives: tuple[str, ...]
    overrides: Mapping[str, str]
    seeds: int = 1


def variants(seeds: int) -> tuple[Variant, ...]:
    """All variants; those that are to be told from chance get `seeds` seeds."""
    alone = [Variant(f"{name} alone", (name,), {}) for name in FIVE]
    without = [
        Variant(f"without {name}", tuple(each for each in FIVE if each != name), {})
        for name in FIVE
    ]
    no_go = tuple(each for each in FIVE if each != "masked-go")
    return (
        Variant(RANDOM, (), {}, seeds),
        Variant("all five", FIVE, {}, seeds),
        Variant("all five + contrast", (*FIVE, CONTRAST), {}, seeds),
        *alone,
        *without,
        Variant("without structure", (*FIVE, CONTRAST), _READS_NO_STRUCTURE),
        Variant("without GO", no_go, _READS_NO_GO),
    )


def objective_sections(
    recipe: Sequence[Mapping[str, Any]], variant: Variant
) -> list[Mapping[str, Any]]:
    """The recipe's own sections of the variant's objectives."""
    return [section for section in recipe if section["name"] in variant.objectives]
