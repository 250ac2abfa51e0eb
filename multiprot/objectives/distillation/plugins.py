"""The objectives of distillation as their entry points declare them. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiprot.encoders.plugin import ObjectivePlugin
from multiprot.objectives.distillation.configs import (
    CosineConfig,
    GoConfig,
    HuberConfig,
    KlConfig,
    NeighboursConfig,
    RelationsConfig,
    StructureConfig,
    TokensConfig,
)

if TYPE_CHECKING:
    from multiprot.encoders.contract import Objective, ObjectiveContext


def _kl(config: KlConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.distillation.kl import DistillKl

    return DistillKl(config, context)


def _cosine(config: CosineConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.distillation.cosine import DistillCosine

    return DistillCosine(config, context)


def _huber(config: HuberConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.distillation.huber import DistillHuber

    return DistillHuber(config, context)


def _relations(config: RelationsConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.distillation.relations import DistillRelations

    return DistillRelations(config, context)


def _neighbours(config: NeighboursConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.distillation.neighbours import DistillNeighbours

    return DistillNeighbours(config, context)


def _tokens(config: TokensConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.distillation.tokens import DistillTokens

    return DistillTokens(config, context)


def _go(config: GoConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.distillation.go import DistillGo

    return DistillGo(config, context)


def _structure(config: StructureConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.distillation.structure import DistillStructure

    return DistillStructure(config, context)


distill_kl = ObjectivePlugin(
    name="distill-kl",
    summary="Divergence from teachers' softmax over the channels of a protein's vector (MTDP)",
    config=KlConfig,
    build=_kl,
)
distill_cosine = ObjectivePlugin(
    name="distill-cosine",
    summary="Point where teachers' protein vectors point",
    config=CosineConfig,
    build=_cosine,
)
distill_huber = ObjectivePlugin(
    name="distill-huber",
    summary="Guess teachers' protein vectors, each channel in standard deviations",
    config=HuberConfig,
    build=_huber,
)
distill_relations = ObjectivePlugin(
    name="distill-relations",
    summary="Be as similar to the other proteins as teachers find one",
    config=RelationsConfig,
    build=_relations,
)
distill_neighbours = ObjectivePlugin(
    name="distill-neighbours",
    summary="Have the nearest proteins that teachers find, in their order (ListMLE)",
    config=NeighboursConfig,
    build=_neighbours,
)
distill_tokens = ObjectivePlugin(
    name="distill-tokens",
    summary="Guess teachers' residue tokens, each channel in standard deviations",
    config=TokensConfig,
    build=_tokens,
)
distill_go = ObjectivePlugin(
    name="distill-go",
    summary="Be as close to GO terms as teachers are in their space of proteins and terms",
    config=GoConfig,
    build=_go,
)
distill_structure = ObjectivePlugin(
    name="distill-structure",
    summary="Read 3Di states, dihedrals and distances as teachers' own heads do",
    config=StructureConfig,
    build=_structure,
)
