"""The entry point `student`. No torch here: listing plugins must cost milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality
from multiprot.student.options import ShippedOptions, StudentOptions

if TYPE_CHECKING:
    from multiprot.encoders.contract import ResidueEncoder


def capabilities_of(options: ShippedOptions) -> Capabilities:
    """What a student can do."""
    return Capabilities(
        trainable=options.freeze != "all",
        max_residues=options.max_residues,
        requires=frozenset({"sequence"}),
        precisions=frozenset({"fp32", "bf16"}),
        packs=True,
        adapters=options.lora is not None,
    )


def _build(options: StudentOptions) -> ResidueEncoder[Any]:
    from multiprot.student.encoder import build_encoder

    return build_encoder(options)


student: Final = EncoderPlugin(
    name="student",
    modality=Modality.SEQUENCE,
    summary="A fast transformer over residues, from a folder that pretraining made or from scratch",
    config=StudentOptions,
    capabilities=capabilities_of,
    build=_build,
    tiny_options={"layers": 1, "width": 64},
    api_version=1,
)
"""Students as their entry point names them."""
