"""Declarations of the reference encoders. No torch here."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from multiprot.config import Section
from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality


class ResidueTransformerConfig(Section):
    """Options of `residue-transformer`."""

    width: int = Field(default=128, ge=4)
    """Channels of a residue token; a multiple of twice `heads`."""
    layers: int = Field(default=4, ge=1)
    """Transformer blocks."""
    heads: int = Field(default=4, ge=1)
    """Attention heads of a block."""
    feed_forward: Literal["gated", "gelu"] = "gated"
    """Kind of feed-forward: SiLU-gated (three matrices) or plain GELU (two)."""
    feed_forward_width: int | None = Field(default=None, ge=1)
    """Hidden channels; by default 8/3 of `width` if gated, else 4 times `width`."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of channels dropped from each block's two contributions in training."""
    rotary_base: float = Field(default=10_000.0, gt=1, allow_inf_nan=False)
    """Base of the rotary positions' wavelengths (residues)."""
    max_residues: int | None = Field(default=2048, ge=1)
    """Longest protein it takes; null for no limit."""

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width {self.width} must be a multiple of twice heads, {2 * self.heads}: rotary "
                "positions turn pairs of channels"
            )
        return self


class ResidueGeometryConfig(Section):
    """Options of `residue-geometry`."""

    width: int = Field(default=128, ge=1)
    """Channels of a residue token."""
    layers: int = Field(default=3, ge=1)
    """Rounds of messages between neighbours."""
    neighbours: int = Field(default=16, ge=1)
    """Nearest CA atoms that send a residue messages."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of channels dropped from each round's two contributions in training."""


class TermTableConfig(Section):
    """Options of `term-table`."""

    width: int = Field(default=128, ge=1)
    """Channels of a term vector."""


def _transformer_capabilities(config: ResidueTransformerConfig) -> Capabilities:
    return Capabilities(
        trainable=True,
        max_residues=config.max_residues,
        requires=frozenset({"sequence"}),
        precisions=frozenset({"fp32", "bf16"}),
        packs=True,
    )


def _geometry_capabilities(config: ResidueGeometryConfig) -> Capabilities:
    return Capabilities(
        trainable=True,
        max_residues=None,
        requires=frozenset({"backbone"}),
        precisions=frozenset({"fp32", "bf16"}),
        packs=True,
        rotation_invariant=True,
        sees_chirality=True,
    )


def _table_capabilities(config: TermTableConfig) -> Capabilities:
    return Capabilities(
        trainable=True,
        max_residues=None,
        requires=frozenset(),
        precisions=frozenset({"fp32", "bf16"}),
    )


def _build_transformer(config: ResidueTransformerConfig) -> Any:
    from multiprot.encoders.reference.residue_transformer import ResidueTransformer

    return ResidueTransformer(config)


def _build_geometry(config: ResidueGeometryConfig) -> Any:
    from multiprot.encoders.reference.residue_geometry import ResidueGeometry

    return ResidueGeometry(config)


def _build_table(config: TermTableConfig) -> Any:
    from multiprot.encoders.reference.term_table import TermTable

    return TermTable(config)


residue_transformer = EncoderPlugin(
    name="residue-transformer",
    modality=Modality.SEQUENCE,
    summary="Pre-norm transformer over residues with rotary positions, trained from scratch",
    config=ResidueTransformerConfig,
    capabilities=_transformer_capabilities,
    build=_build_transformer,
    tiny_options={"width": 16, "layers": 1, "heads": 2, "max_residues": 64},
    api_version=1,
)
"""The reference sequence encoder."""

residue_geometry = EncoderPlugin(
    name="residue-geometry",
    modality=Modality.STRUCTURE,
    summary="Messages between nearest residues over backbone frames, distances and dihedrals",
    config=ResidueGeometryConfig,
    capabilities=_geometry_capabilities,
    build=_build_geometry,
    tiny_options={"width": 16, "layers": 1, "neighbours": 6},
    api_version=1,
)
"""The reference structure encoder."""

term_table = EncoderPlugin(
    name="term-table",
    modality=Modality.GO,
    summary="One learned row per GO term, summed over the term and its ancestors",
    config=TermTableConfig,
    capabilities=_table_capabilities,
    build=_build_table,
    tiny_options={"width": 8},
    api_version=1,
)
"""The reference GO encoder."""
