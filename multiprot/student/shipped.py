"""A distribution that ships a trained student declares its encoder by this. No torch here."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality
from multiprot.student.options import ShippedOptions, StudentOptions
from multiprot.student.plugin import capabilities_of

if TYPE_CHECKING:
    from multiprot.encoders.contract import ResidueEncoder


def shipped_student(
    *, name: str, summary: str, weights: Path, weights_license: str
) -> EncoderPlugin[ShippedOptions]:
    """The plugin for an entry point in `multiprot.sequence_encoders`.

    Parameters
    ----------
    name
        The entry point's.
    summary
        One line for `multiprot plugins list`.
    weights
        Folder of the student in the distribution; `multiprot pretrain` leaves one in RUN/model.
    weights_license
        SPDX id.
    """

    def capabilities(options: ShippedOptions) -> Capabilities:
        return replace(capabilities_of(options), weights_license=weights_license)

    return EncoderPlugin(
        name=name,
        modality=Modality.SEQUENCE,
        summary=summary,
        config=ShippedOptions,
        capabilities=capabilities,
        build=partial(_build, name, weights),
        api_version=1,
    )


def _build(name: str, weights: Path, options: ShippedOptions) -> ResidueEncoder[Any]:
    """With the weights, or, for a saved model, which has its own, of the shape that it records."""
    from multiprot.student.encoder import build_encoder

    source = {} if options.architecture is not None else {"checkpoint": str(weights)}
    return build_encoder(StudentOptions(**options.model_dump(), **source), name=name)
