"""A plugin's options, checked by the plugin's own config."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from multiprot.config import Section
from multiprot.config.problems import describe
from multiprot.encoders.plugin import EncoderPlugin, Modality, ObjectivePlugin
from multiprot.encoders.registry import Registry
from multiprot.encoders.section import EncoderSection, ObjectiveSection
from multiprot.errors import ConfigError, PluginError


def validate_options(
    plugin: EncoderPlugin[Any] | ObjectivePlugin[Any],
    options: Mapping[str, Any],
    key: str = "options",
    *,
    origins: Mapping[str, str] | None = None,
) -> Section:
    """The plugin's config made from plain options.

    Parameters
    ----------
    plugin
        Whose options they are.
    options
        Plain settings, as a recipe gives them.
    key
        Dotted key under which they stand, for messages: "model.sequence.options".
    origins
        Origins of the whole recipe's values (`ResolvedConfig.origins`), so that a message names
        file and line.

    Raises
    ------
    ConfigError
        One line per bad option: origin, dotted key, value, nearest valid key.
    """
    settings = dict(options)
    try:
        section = plugin.config.model_validate_json(json.dumps(settings), strict=True)
    except ValidationError as error:
        raise ConfigError(
            describe(
                error,
                plugin.config,
                settings,
                origins=origins or {},
                source=f"options of {plugin.name!r}",
                prefix=key,
            )
        ) from None
    except TypeError as error:
        raise ConfigError(
            f"{key}: options of {plugin.name!r} must be plain values: {error}"
        ) from None
    if not isinstance(section, Section):
        raise PluginError(
            f"plugin {plugin.name!r}: its config {plugin.config.__name__} must derive from "
            "multiprot.config.Section"
        )
    return section


def chosen_encoder(
    registry: Registry, modality: Modality, section: EncoderSection
) -> tuple[EncoderPlugin[Any], Section]:
    """The encoder that a model's section names, and its checked options.

    Raises
    ------
    PluginError
        If the plugin is missing or broken.
    ConfigError
        If an option is wrong.
    """
    plugin = registry.encoder(modality, section.name)
    return plugin, validate_options(plugin, section.options, f"model.{modality}.options")


def check_plugins(
    value: Section, registry: Registry, *, origins: Mapping[str, str] | None = None
) -> None:
    """Check every plugin that a config names, and its options, before anything is built.

    An `EncoderSection` counts for the modality that its key is called after.

    Raises
    ------
    ConfigError
        If a plugin is unknown or an option is wrong: one line per finding.
    """
    problems = []
    for key, section in _plugin_sections(value, ()):
        try:
            plugin: EncoderPlugin[Any] | ObjectivePlugin[Any]
            if isinstance(section, ObjectiveSection):
                plugin = registry.objective(section.name)
            else:
                plugin = registry.encoder(Modality(key.rsplit(".", 1)[-1]), section.name)
        except PluginError as error:
            where = (origins or {}).get(f"{key}.name", "")
            problems.append(f"{where}{': ' if where else ''}{key}.name: {error}")
            continue
        try:
            validate_options(plugin, section.options, f"{key}.options", origins=origins)
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))


def _plugin_sections(
    value: object, path: tuple[str, ...]
) -> Iterator[tuple[str, EncoderSection | ObjectiveSection]]:
    if isinstance(value, EncoderSection | ObjectiveSection):
        yield ".".join(path), value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _plugin_sections(getattr(value, name), (*path, name))
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from _plugin_sections(part, (*path, str(index)))
