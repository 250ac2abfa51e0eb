"""The entry point `esm-if1`. No torch here: listing plugins must cost milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality
from multiprot_esm.inverse_folding.options import EsmIf1Options

if TYPE_CHECKING:
    from multiprot.encoders.contract import ResidueEncoder


def _capabilities(options: EsmIf1Options) -> Capabilities:
    """What the encoder can do."""
    return Capabilities(
        trainable=options.freeze == "none",
        max_residues=None,
        requires=frozenset({"backbone"}),
        rotation_invariant=True,
        sees_chirality=True,
        weights_license=None if options.checkpoint is None else "MIT",
    )


def _build(options: EsmIf1Options) -> ResidueEncoder[Any]:
    # torch takes seconds to import; whoever only lists plugins must not pay.
    from multiprot_esm.inverse_folding.encoder import EsmIf1Encoder

    return EsmIf1Encoder(options)


esm_if1: Final = EncoderPlugin(
    name="esm-if1",
    modality=Modality.STRUCTURE,
    summary="Encoder of ESM-IF1 (GVP and transformer), from its file or from scratch",
    config=EsmIf1Options,
    capabilities=_capabilities,
    build=_build,
    tiny_options={
        "sizes": {
            "width": 32,
            "layers": 1,
            "heads": 4,
            "feed_forward_width": 64,
            "graph_layers": 2,
            "scalars": 16,
            "vectors": 4,
            "edge_scalars": 8,
            "edge_vectors": 2,
        }
    },
    api_version=1,
)
"""ESM-IF1's encoder as its entry point names it."""
