"""What `multiprot plugins list` reads. No torch here: listing plugins must cost milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from multiprot.config import Section
from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality

if TYPE_CHECKING:
    from multiprot.encoders.contract import ResidueEncoder


class TemplateEncoderOptions(Section):
    """What a recipe may write under `model.sequence.options`; unknown keys are refused."""

    width: int = Field(default=64, ge=2)
    """Channels of a residue token."""


def _capabilities(options: TemplateEncoderOptions) -> Capabilities:
    # Every line is a claim that the conformance suite puts to the test.
    return Capabilities(trainable=True, max_residues=None, requires=frozenset({"sequence"}))


def _build(options: TemplateEncoderOptions) -> ResidueEncoder[Any]:
    from multiprot_template_encoder.encoder import TemplateEncoder

    return TemplateEncoder(options)


template_encoder = EncoderPlugin(
    name="template-encoder",
    modality=Modality.SEQUENCE,
    summary="A residue and its two neighbours",
    config=TemplateEncoderOptions,
    capabilities=_capabilities,
    build=_build,
    tiny_options={"width": 16},
    api_version=1,
)
"""The encoder as its entry point names it."""
