"""The built-in objectives as their entry points declare them. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiprot.encoders.plugin import ObjectivePlugin
from multiprot.objectives.configs import (
    GoAnnotationConfig,
    GoContrastConfig,
    MaskedResidueConfig,
    OtfrmConfig,
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


def _otfrm(config: OtfrmConfig, context: ObjectiveContext) -> Objective:
    from multiprot.objectives.otfrm import Otfrm

    return Otfrm(config, context)


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
otfrm = ObjectivePlugin(
    name="otfrm",
    summary="Differentiable OTFRM: a tight batch, far from reference proteins by optimal transport",
    config=OtfrmConfig,
    build=_otfrm,
)
