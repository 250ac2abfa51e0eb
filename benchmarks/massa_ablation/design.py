"""What is compared; fixed before any result was looked at."""

from __future__ import annotations

from typing import Final

from benchmarks.pretraining_matrix.variants import Variant

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


def variants(seeds: int) -> tuple[Variant, ...]:
    """All variants; those that are to be told from chance get `seeds` seeds."""
    alone = [Variant(f"{name} alone", objectives=(name,)) for name in FIVE]
    without = [
        Variant(f"without {name}", objectives=tuple(each for each in FIVE if each != name))
        for name in FIVE
    ]
    no_go = tuple(each for each in FIVE if each != "masked-go")
    return (
        Variant(RANDOM, seeds=seeds, objectives=()),
        Variant("all five", seeds=seeds, objectives=FIVE),
        Variant("all five + contrast", seeds=seeds, objectives=(*FIVE, CONTRAST)),
        *alone,
        *without,
        Variant("without structure", _READS_NO_STRUCTURE, objectives=(*FIVE, CONTRAST)),
        Variant("without GO", _READS_NO_GO, objectives=no_go),
    )
