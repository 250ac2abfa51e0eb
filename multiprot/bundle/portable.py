"""A model's settings as they must be saved: every option written out, no file of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from multiprot.bundle.parts import BundleConfig
from multiprot.encoders.options import validate_options
from multiprot.encoders.registry import Registry

if TYPE_CHECKING:
    from multiprot.encoders.plugin import EncoderPlugin, ObjectivePlugin
    from multiprot.fusion import FusionModel


def portable_config(config: BundleConfig, registry: Registry, model: FusionModel) -> BundleConfig:
    """`config` with all options of all plugins.

    A plugin's later default must not change a saved model, and a checkpoint that an encoder was
    started from may be gone: `ResidueEncoder.portable_options` says how to do without.

    Raises
    ------
    MultiprotError
        If a plugin is missing or an option is wrong.
    """
    encoders = {}
    for modality, section in config.encoders().items():
        plugin = registry.encoder(modality, section.name)
        portable = getattr(getattr(model, modality.value), "portable_options", None)
        given = section.options if portable is None else portable
        options = _complete(plugin, given, f"model.{modality.value}.options")
        encoders[modality.value] = section.model_copy(update={"options": options})
    objectives = tuple(
        section.model_copy(
            update={
                "options": _complete(
                    registry.objective(section.name),
                    section.options,
                    f"objectives.{number}.options",
                )
            }
        )
        for number, section in enumerate(config.objectives)
    )
    return BundleConfig(model=config.model.model_copy(update=encoders), objectives=objectives)


def _complete(
    plugin: EncoderPlugin[Any] | ObjectivePlugin[Any], options: Mapping[str, Any], key: str
) -> dict[str, Any]:
    return validate_options(plugin, options, key).model_dump(mode="json")
