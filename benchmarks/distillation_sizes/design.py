"""Students of four sizes, and what each is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Final

from benchmarks.distillation_losses.design import (
    FUSED,
    TEACHER,
    TERMS,
    Sections,
    sections,
    taught,
    untaught,
)
from benchmarks.distillation_losses.retained import ByTask, retained
from benchmarks.pretraining_matrix.variants import Variant
from multiprot.training.config import PretrainConfig

SIZES: Final = {"64x2": (64, 2), "128x1": (128, 1), "128x2": (128, 2), "256x3": (256, 3)}
"""Channels and layers, the fastest first."""


def sizes(config: PretrainConfig, seeds: int) -> tuple[Variant, ...]:
    """Of each size weights as drawn, hidden residues alone, and all that the recipe teaches.

    Parameters
    ----------
    config
        The recipe, with the teachers fused and terms.
    seeds
        Of the weights as drawn, whose noise decides which tasks count; students get one.
    """
    own = sections(config)
    found = []
    for size, (width, layers) in SIZES.items():
        learnt = _narrowed(own, width)
        hidden = [section for section in learnt if section["name"] == "masked-residue"]
        found += [
            _shaped(untaught(random_of(size), hidden, seeds, ()), width, layers),
            _shaped(untaught(alone_of(size), hidden, 1, None), width, layers),
            _shaped(taught(config, size, learnt, (FUSED, TERMS)), width, layers),
        ]
    return (*found, Variant(TEACHER, model=config.teachers[FUSED].model))


def random_of(size: str) -> str:
    """Name of the variant whose weights are as drawn."""
    return f"{size} random"


def alone_of(size: str) -> str:
    """Name of the variant that learnt hidden residues alone."""
    return f"{size} no teacher"


def shares(scores: Mapping[str, ByTask]) -> dict[str, dict[str, float]]:
    """Student -> task -> what is retained, beside weights of its own shape as drawn.

    Of all students the same tasks: those on which the teacher is above the random weights of every
    shape, as `retained` says.
    """
    found = {
        name: retained(scores[name], scores.get(random_of(size), {}), scores.get(TEACHER, {}))
        for size in SIZES
        for name in (size, alone_of(size))
        if name in scores
    }
    common = set.intersection(*map(set, found.values())) if found else set()
    return {
        name: {task: share for task, share in each.items() if task in common}
        for name, each in found.items()
    }


def means(found: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Student -> mean share over tasks; none of a student without a task."""
    return {name: fmean(each.values()) for name, each in found.items() if each}


def _narrowed(own: Sections, width: int) -> Sections:
    """Without prefixes that are wider than the student."""
    found = []
    for section in own:
        options = dict(section["options"])
        if "prefixes" in options:
            options["prefixes"] = [each for each in options["prefixes"] if each < width]
        found.append({**section, "options": options})
    return found


def _shaped(variant: Variant, width: int, layers: int) -> Variant:
    shape = {
        "model.sequence.options.width": str(width),
        "model.sequence.options.layers": str(layers),
        "model.fusion.width": str(width),
    }
    return Variant(variant.name, {**variant.overrides, **shape}, variant.seeds, variant.objectives)
