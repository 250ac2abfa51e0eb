"""The built-in objectives as their entry points declare them. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiprot.encoders.plugin import ObjectivePlugin
from multiprot.objectives.configs import (
    DihedralConfig,
    DomainTaggingConfig,
    FoldStateConfig,
    GoAnnotationConfig,
    GoContrastConfig,
    MaskedGoConfig,
    MaskedResidueConfig,
    MotifTaggingConfig,
    MutualInformationConfig,
    OtfrmConfig,
    PairwiseDistanceConfig,
    RegionTaggingConfig,
    TokenAlignmentConfig,
)

if TYPE_CHECKING:
    from multiprot.encoders.contract import Objective, ObjectiveContext


def _masked_residue(config: MaskedResidueConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.masked_residue import MaskedResidue

    return MaskedResidue(config, context)


def _go_contrast(config: GoContrastConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.go_contrast import GoContrast

    return GoContrast(config, context)


def _go_annotation(config: GoAnnotationConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.go_annotation import GoAnnotation

    return GoAnnotation(config, context)


def _token_alignment(config: TokenAlignmentConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.token_alignment import TokenAlignment

    return TokenAlignment(config, context)


def _mutual_information(config: MutualInformationConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.mutual_information import MutualInformation

    return MutualInformation(config, context)


def _otfrm(config: OtfrmConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.otfrm import Otfrm

    return Otfrm(config, context)


def _masked_go(config: MaskedGoConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.masked_go import MaskedGo

    return MaskedGo(config, context)


def _motif_tagging(config: MotifTaggingConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.motif_tagging import MotifTagging

    return MotifTagging(config, context)


def _domain_tagging(config: DomainTaggingConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.domain_tagging import DomainTagging

    return DomainTagging(config, context)


def _region_tagging(config: RegionTaggingConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.region_tagging import RegionTagging

    return RegionTagging(config, context)


def _pairwise_distance(config: PairwiseDistanceConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.pairwise_distance import PairwiseDistance

    return PairwiseDistance(config, context)


def _dihedral(config: DihedralConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.dihedral import Dihedral

    return Dihedral(config, context)


def _fold_state(config: FoldStateConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.fold_state import FoldState

    return FoldState(config, context)


masked_residue = ObjectivePlugin(
    name="masked-residue",
    summary="Guess hidden amino acids from the fused tokens",
    config=MaskedResidueConfig,
    build=_masked_residue,
)
go_contrast = ObjectivePlugin(
    name="go-contrast",
    summary="Symmetric contrast of proteins and GO terms; a true term is never a negative",
    config=GoContrastConfig,
    build=_go_contrast,
)
go_annotation = ObjectivePlugin(
    name="go-annotation",
    summary="Calibrated yes or no for every GO term in the shared space",
    config=GoAnnotationConfig,
    build=_go_annotation,
)
token_alignment = ObjectivePlugin(
    name="token-alignment",
    summary="A residue's sequence and structure token find each other",
    config=TokenAlignmentConfig,
    build=_token_alignment,
)
mutual_information = ObjectivePlugin(
    name="mutual-information",
    summary="A critic tells a protein's own structure from those of others (STEPS)",
    config=MutualInformationConfig,
    build=_mutual_information,
)
otfrm = ObjectivePlugin(
    name="otfrm",
    summary="Differentiable OTFRM: a tight batch, far from reference proteins by optimal transport",
    config=OtfrmConfig,
    build=_otfrm,
)
masked_go = ObjectivePlugin(
    name="masked-go",
    summary="Guess hidden GO terms from the protein and its other terms",
    config=MaskedGoConfig,
    build=_masked_go,
    tiny_options={"min_proteins": 1},
)
motif_tagging = ObjectivePlugin(
    name="motif-tagging",
    summary="Tag where sequence motifs begin, continue and end",
    config=MotifTaggingConfig,
    build=_motif_tagging,
    tiny_options={"min_proteins": 1},
)
domain_tagging = ObjectivePlugin(
    name="domain-tagging",
    summary="Tag where domains begin, continue and end",
    config=DomainTaggingConfig,
    build=_domain_tagging,
    tiny_options={"min_proteins": 1},
)
region_tagging = ObjectivePlugin(
    name="region-tagging",
    summary="Tag where regions begin, continue and end",
    config=RegionTaggingConfig,
    build=_region_tagging,
    tiny_options={"min_proteins": 1},
)
pairwise_distance = ObjectivePlugin(
    name="pairwise-distance",
    summary="Guess how far apart two residues are, in bins of 5 Å (STEPS)",
    config=PairwiseDistanceConfig,
    build=_pairwise_distance,
)
dihedral = ObjectivePlugin(
    name="dihedral",
    summary="Guess hidden backbone dihedrals, on the circle (STEPS)",
    config=DihedralConfig,
    build=_dihedral,
)
fold_state = ObjectivePlugin(
    name="fold-state",
    summary="Guess each residue's 3Di state (Foldseek) from sequence",
    config=FoldStateConfig,
    build=_fold_state,
    # The suite's model sees every structure there is.
    tiny_options={"seen_structures": True},
)
