"""The entry point `foldtokens`. No torch here: listing plugins must cost milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality
from multiprot_foldtokens.options import FoldTokenOptions

if TYPE_CHECKING:
    from multiprot.encoders.contract import ResidueEncoder


def _capabilities(options: FoldTokenOptions) -> Capabilities:
    """States come from angles and distances, which a mirror keeps; a built Cβ changes side."""
    return Capabilities(
        trainable=True,
        max_residues=None,
        requires=frozenset({"backbone"}),
        precisions=frozenset({"fp32", "bf16", "fp16"}),
        packs=True,
        rotation_invariant=True,
        sees_chirality=options.c_beta == "ideal",
    )


def _build(options: FoldTokenOptions) -> ResidueEncoder[Any]:
    # torch and biotite take long to import; whoever only lists plugins must not pay.
    from multiprot_foldtokens.encoder import FoldTokenEncoder

    return FoldTokenEncoder(options)


foldtokens: Final = EncoderPlugin(
    name="foldtokens",
    modality=Modality.STRUCTURE,
    summary="Foldseek's 3Di state of each residue, embedded (van Kempen et al. 2024)",
    config=FoldTokenOptions,
    capabilities=_capabilities,
    build=_build,
    tiny_options={"token_dim": 16},
    api_version=1,
)
"""3Di tokens as their entry point names them."""
