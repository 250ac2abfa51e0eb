"""The entry point `esm2`. No torch here: listing plugins must cost milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality
from multiprot_esm.options import Esm2Options

if TYPE_CHECKING:
    from multiprot.encoders.contract import ResidueEncoder


def _capabilities(options: Esm2Options) -> Capabilities:
    """What the model can do; reads the checkpoint's config.json or `.pt` file if there is one."""
    # The vocabulary stands on multiprot.proteins, whose readers a mere listing need not load.
    from multiprot_esm.architecture import resolve

    return Capabilities(
        trainable=options.freeze != "all",
        max_residues=resolve(options).max_residues,
        requires=frozenset({"sequence"}),
        precisions=frozenset({"fp32", "bf16"}),
        packs=True,
        downloads_weights=False,
        weights_license=None if options.checkpoint is None else "MIT",
        adapters=options.lora is not None,
    )


def _build(options: Esm2Options) -> ResidueEncoder[Any]:
    # transformers and torch take seconds to import; whoever only lists plugins must not pay.
    from multiprot_esm.encoder import Esm2Encoder

    return Esm2Encoder(options)


esm2: Final = EncoderPlugin(
    name="esm2",
    modality=Modality.SEQUENCE,
    summary="ESM-2 of any size, ESM-1b and ESM-1v, from a local checkpoint or from scratch",
    config=Esm2Options,
    capabilities=_capabilities,
    build=_build,
    tiny_options={"layers": 2, "width": 32, "heads": 4, "max_residues": 64},
    api_version=1,
)
"""ESM-2 as its entry point names it."""
