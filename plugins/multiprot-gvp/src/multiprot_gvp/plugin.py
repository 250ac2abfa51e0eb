"""The entry point `gvp`. No torch here: listing plugins must cost milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality
from multiprot_gvp.options import GvpOptions

if TYPE_CHECKING:
    from multiprot.encoders.contract import ResidueEncoder


def _capabilities(options: GvpOptions) -> Capabilities:
    """Dihedral signs and the virtual side chain change in a mirror; nothing changes in a turn."""
    return Capabilities(
        trainable=True,
        max_residues=None,
        requires=frozenset({"backbone", "sequence"} if options.residues else {"backbone"}),
        precisions=frozenset({"fp32", "bf16"}),
        packs=True,
        rotation_invariant=True,
        sees_chirality=True,
    )


def _build(options: GvpOptions) -> ResidueEncoder[Any]:
    # torch and torch-geometric take seconds to import; whoever only lists plugins must not pay.
    from multiprot_gvp.encoder import GvpEncoder

    return GvpEncoder(options)


gvp: Final = EncoderPlugin(
    name="gvp",
    modality=Modality.STRUCTURE,
    summary="GVP-GNN on backbone k-NN graphs, scalars and vectors per residue (Jing et al. 2021)",
    config=GvpOptions,
    capabilities=_capabilities,
    build=_build,
    tiny_options={"node_scalars": 16, "node_vectors": 4, "edge_scalars": 8, "neighbours": 8},
    api_version=1,
)
"""GVP-GNN as its entry point names it."""
