"""The entry points. No torch here: listing plugins must cost milliseconds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality
from multiprot_prottrans.family import ANKH, PROTBERT, PROTT5, Family
from multiprot_prottrans.options import ProtBertOptions, ProtTransOptions, T5Options

if TYPE_CHECKING:
    from multiprot.encoders.contract import ResidueEncoder

_TINY: Final = {"layers": 2, "width": 32, "heads": 4}


def _capabilities(family: Family, options: ProtTransOptions) -> Capabilities:
    """What the model can do; reads the checkpoint's config.json and vocabulary if there is one."""
    # The vocabulary stands on multiprot.proteins, whose readers a mere listing need not load.
    from multiprot_prottrans.architecture import resolve

    architecture = resolve(family, options)
    return Capabilities(
        trainable=options.freeze != "all",
        max_residues=architecture.max_residues,
        requires=frozenset({"sequence"}),
        precisions=frozenset({"fp32", "bf16"}),
        # The mean over padding, which `legacy_padding` wants, needs padding.
        packs=getattr(options, "legacy_padding", None) is None,
        downloads_weights=False,
        weights_license=architecture.weights_license,
        adapters=options.lora is not None,
    )


def _build(family: Family, options: ProtTransOptions) -> ResidueEncoder[Any]:
    # transformers and torch take seconds to import; whoever only lists plugins must not pay.
    from multiprot_prottrans.encoder import ProtTransEncoder

    return ProtTransEncoder(family, options)


prott5: Final = EncoderPlugin(
    name="prott5",
    modality=Modality.SEQUENCE,
    summary="ProtT5 and ProstT5, from a local checkpoint folder or from scratch (Elnaggar 2021)",
    config=T5Options,
    capabilities=partial(_capabilities, PROTT5),
    build=partial(_build, PROTT5),
    tiny_options=_TINY,
    api_version=1,
)
"""ProtT5's encoder as its entry point names it."""

protbert: Final = EncoderPlugin(
    name="protbert",
    modality=Modality.SEQUENCE,
    summary="ProtBert and ProtBert-BFD, from a local folder or from scratch (Elnaggar 2021)",
    config=ProtBertOptions,
    capabilities=partial(_capabilities, PROTBERT),
    build=partial(_build, PROTBERT),
    tiny_options={**_TINY, "max_residues": 64},
    api_version=1,
)
"""ProtBert as its entry point names it."""

ankh: Final = EncoderPlugin(
    name="ankh",
    modality=Modality.SEQUENCE,
    summary="Ankh, Ankh2 and their like, from a local folder or from scratch (Elnaggar 2023)",
    config=T5Options,
    capabilities=partial(_capabilities, ANKH),
    build=partial(_build, ANKH),
    tiny_options=_TINY,
    api_version=1,
)
"""Ankh's encoder as its entry point names it."""
