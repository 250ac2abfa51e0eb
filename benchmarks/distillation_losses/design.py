"""What is compared; fixed before any result was looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.pretraining_matrix.variants import Variant
from multiprot.training.config import PretrainConfig

RANDOM: Final = "random"
ALONE: Final = "no teacher"
ALL: Final = "all losses"
TEACHER: Final = "teacher"
SECOND: Final = "second teacher"
FUSED: Final = "fused"
TERMS: Final = "terms"
MINI: Final = "mini"
"""Teachers by the names that the recipe and `MINI_TEACHER` give them."""

MINI_TEACHER: Final = f'teachers.{MINI}={{"model": "mini", "store": "runs/teachers/mini"}}'
"""What a recipe lacks to have a second teacher."""

TASKS: Final = {
    "deeploc_membrane": "linear",
    "deeploc10": "linear",
    "deepsol_solubility": "linear",
    "meltome_clustered": "linear",
    "neuropeptide_precursor": "linear",
    "tape_stability": "linear",
    # A linear model of 1,195 folds would take longer than the distillation.
    "tape_remote_homology": "knn",
    "secondary_structure_q3": "linear",
    "disorder_chezod": "linear",
    "flip_conservation": "linear",
}
"""Task -> probe."""

_ONE_BY_ONE: Final = {
    "huber": "distill-huber",
    "cosine": "distill-cosine",
    "kl": "distill-kl",
    "relations": "distill-relations",
    "neighbours": "distill-neighbours",
    "tokens": "distill-tokens",
    "go": "distill-go",
    "structure": "distill-structure",
}
_COMPARES: Final = ("distill-huber", "distill-relations")
"""Losses of `ALL` that a second teacher teaches, too."""

Sections = Sequence[Mapping[str, Any]]


def variants(config: PretrainConfig, seeds: int) -> tuple[Variant, ...]:
    """All of them.

    Parameters
    ----------
    config
        The recipe, with the teachers fused, terms and mini.
    seeds
        Of every student.
    """
    masked = [{"name": "masked-residue"}]
    own = sections(config)
    return (
        untaught(RANDOM, masked, seeds, ()),
        untaught(ALONE, masked, seeds, None),
        *(_alone(config, name, seeds) for name in _ONE_BY_ONE),
        taught(config, ALL, own, (FUSED, TERMS), seeds),
        taught(config, f"{ALL}, fused and mini", _both(own), (FUSED, TERMS, MINI), seeds),
        *(
            _several(config, weighting, seeds)
            for weighting in ("uniform", "uncertainty", "selector")
        ),
        Variant(TEACHER, model=config.teachers[FUSED].model),
        Variant(SECOND, model=config.teachers[MINI].model),
    )


def sections(config: PretrainConfig) -> list[dict[str, Any]]:
    """The recipe's own objectives."""
    return [section.model_dump(mode="json") for section in config.objectives]


def untaught(name: str, sections: Sections, seeds: int, learnt: tuple[str, ...] | None) -> Variant:
    """Without teachers: `sections` of objectives are learnt, or those that `learnt` names."""
    overrides = {"teachers": "{}", "objectives": json.dumps(sections)}
    return Variant(name, overrides, seeds=seeds, objectives=learnt)


def taught(
    config: PretrainConfig, name: str, objectives: Sections, teachers: Sequence[str], seeds: int = 1
) -> Variant:
    """Only the teachers that teach: a model's card names no others."""
    chosen = {each: config.teachers[each].model_dump(mode="json") for each in teachers}
    overrides = {"teachers": json.dumps(chosen), "objectives": json.dumps(objectives)}
    return Variant(name, overrides, seeds=seeds)


def _alone(config: PretrainConfig, name: str, seeds: int) -> Variant:
    teacher = TERMS if name == "go" else FUSED
    objective = {"name": _ONE_BY_ONE[name], "options": {"teachers": [teacher]}}
    return taught(config, f"{name} alone", [objective], [teacher], seeds)


def _several(config: PretrainConfig, weighting: str, seeds: int) -> Variant:
    both = [FUSED, MINI]
    objective = {"name": "distill-huber", "options": {"teachers": both, "weighting": weighting}}
    return taught(config, f"huber, fused and mini, {weighting}", [objective], both, seeds)


def _both(own: Sections) -> Sections:
    """The same with the second teacher beside the first where vectors are compared."""
    found = [dict(section) for section in own]
    for section in found:
        if section["name"] in _COMPARES:
            section["options"] = {**section["options"], "teachers": [FUSED, MINI]}
    return found
