"""What `multiprot plugins list` reads. No torch here: listing plugins must cost milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from multiprot.config import Section
from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality

if TYPE_CHECKING:
    from multiprot.encoders.contract import ResidueEncoder


class TemplateEncoderOptions(Section):
    """What a recipe may write under `model.structure.options`; unknown keys are refused."""

    width: int = Field(default=64, ge=2)
    """Channels of a residue token."""
    neighbours: int = Field(default=16, ge=1)
    """Nearest CA atoms that a residue looks at."""


def _capabilities(options: TemplateEncoderOptions) -> Capabilities:
    # Every line is a claim that the conformance suite puts to the test.
    # Distances alone do not tell a protein from its mirror image: sees_chirality stays False.
    return Capabilities(
        trainable=True,
        max_residues=None,
        requires=frozenset({"backbone"}),
        rotation_invariant=True,
    )


def _build(options: TemplateEncoderOptions) -> ResidueEncoder[Any]:
    from multiprot_template_encoder.encoder import TemplateEncoder

    return TemplateEncoder(options)


template_encoder = EncoderPlugin(
    name="template-encoder",
    modality=Modality.STRUCTURE,
    summary="How near the nearest residues are",
    config=TemplateEncoderOptions,
    capabilities=_capabilities,
    build=_build,
    tiny_options={"width": 16},
    api_version=1,
)
"""The encoder as its entry point names it."""
