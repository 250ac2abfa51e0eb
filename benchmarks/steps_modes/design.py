"""What is compared; fixed before any result was looked at."""

from __future__ import annotations

from typing import Final

from benchmarks.pretraining_matrix.variants import Variant

NO_LINK: Final = "no link"

TASKS: Final = {
    "deeploc_membrane": "linear",
    "deeploc10": "linear",
    # A linear model of 1,195 folds would take longer than the pretraining.
    "tape_remote_homology": "knn",
    "secondary_structure_q3": "linear",
}
"""Task -> probe."""

_NO_LINK: Final = {
    "bilevel": "null",
    "objectives.2.weight": "0",
    "model.sequence.options.freeze": "all",
}


def variants(seeds: int) -> tuple[Variant, ...]:
    """The modes of docs/explanation/steps.md, and weights as they are drawn; `seeds` of each."""
    return (
        Variant("random", seeds=seeds, objectives=()),
        Variant(NO_LINK, _NO_LINK, seeds=seeds),
        Variant("joint", {"bilevel": "null", "optimizer.encoder_lr.sequence": "0.1"}, seeds=seeds),
        Variant("legacy", {"bilevel.adapted": "discard"}, seeds=seeds),
        Variant("alternating", seeds=seeds),
    )
