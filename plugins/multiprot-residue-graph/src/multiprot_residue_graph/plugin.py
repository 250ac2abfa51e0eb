"""The three encoders as entry points name them. No torch here: listing costs milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality
from multiprot_residue_graph.options import GcnOptions, GearNetOptions, GinOptions

if TYPE_CHECKING:
    from multiprot.encoders.contract import ResidueEncoder


def _capabilities(options: GinOptions | GcnOptions | GearNetOptions) -> Capabilities:
    """Distances and angles are the same in a mirror; dihedrals change sign."""
    return Capabilities(
        trainable=True,
        max_residues=None,
        requires=frozenset({"backbone", "sequence"} if options.residues else {"backbone"}),
        precisions=frozenset({"fp32", "bf16"}),
        packs=True,
        rotation_invariant=True,
        sees_chirality=options.dihedrals != "none",
    )


def _build_gin(options: GinOptions) -> ResidueEncoder[Any]:
    # torch and torch-geometric take seconds to import; whoever only lists plugins must not pay.
    from multiprot_residue_graph.gin_encoder import GinEncoder
    from multiprot_residue_graph.joined_encoder import JoinedGinEncoder

    joined = options.sequence_tokens == "joined"
    return JoinedGinEncoder(options) if joined else GinEncoder(options)


def _build_gcn(options: GcnOptions) -> ResidueEncoder[Any]:
    from multiprot_residue_graph.gcn_encoder import GcnEncoder, JoinedGcnEncoder

    joined = options.sequence_tokens == "joined"
    return JoinedGcnEncoder(options) if joined else GcnEncoder(options)


def _build_gearnet(options: GearNetOptions) -> ResidueEncoder[Any]:
    from multiprot_residue_graph.gearnet_encoder import GearNetEncoder

    return GearNetEncoder(options)


gin_residue_graph: Final = EncoderPlugin(
    name="gin-residue-graph",
    modality=Modality.STRUCTURE,
    summary="GIN on the CA graph weighted by 1/d², as STEPS' structure encoder (Chen et al. 2023)",
    config=GinOptions,
    capabilities=_capabilities,
    build=_build_gin,
    tiny_options={"width": 16, "dropout": 0.0},
    api_version=1,
)
"""STEPS' residue graph as its entry point names it."""

gcn_residue_graph: Final = EncoderPlugin(
    name="gcn-residue-graph",
    modality=Modality.STRUCTURE,
    summary="graph convolutions on the CA contact map, as DeepFRI (Gligorijević et al. 2021)",
    config=GcnOptions,
    capabilities=_capabilities,
    build=_build_gcn,
    tiny_options={"width": 16, "dropout": 0.0},
    api_version=1,
)
"""DeepFRI's graph convolutions as their entry point names them."""

gearnet: Final = EncoderPlugin(
    name="gearnet",
    modality=Modality.STRUCTURE,
    summary="GearNet: sequential, radius and k-NN edges, each a relation (Zhang et al. 2023)",
    config=GearNetOptions,
    capabilities=_capabilities,
    build=_build_gearnet,
    tiny_options={"width": 16, "layers": 2, "edge_messages": True, "edge_width": 8, "dropout": 0.0},
    api_version=1,
)
"""GearNet as its entry point names it."""
