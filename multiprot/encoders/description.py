"""All that a plugin says of itself: what `multiprot plugins show` prints. No torch here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from multiprot.config import load_config
from multiprot.encoders.plugin import EncoderPlugin
from multiprot.encoders.registry import ENCODER_GROUPS, OBJECTIVE_GROUP, AnyPlugin, Registry, owner
from multiprot.errors import MultiprotError


def describe_plugin(
    registry: Registry, plugin: AnyPlugin, overrides: Sequence[str] = ()
) -> dict[str, Any]:
    """A plugin as plain values for JSON.

    Parameters
    ----------
    registry
        Where it is installed.
    plugin
        Encoder or objective.
    overrides
        Its options as `KEY=VALUE`; capabilities depend on them.

    Returns
    -------
    dict
        name, group, distribution, version, api_version, summary, capabilities (None for an
        objective; the text of the error where the options do not suffice) and the JSON schema of
        its options.

    Raises
    ------
    ConfigError
        If an option is wrong.
    """
    group = (
        ENCODER_GROUPS[plugin.modality] if isinstance(plugin, EncoderPlugin) else OBJECTIVE_GROUP
    )
    distribution, version = owner(registry.point(group, plugin.name))
    return {
        "name": plugin.name,
        "group": group,
        "distribution": distribution,
        "version": version,
        "api_version": plugin.api_version,
        "summary": " ".join(plugin.summary.split()),
        "capabilities": _capabilities(plugin, overrides),
        "options": plugin.config.model_json_schema(),
    }


def description_text(told: Mapping[str, Any]) -> str:
    """The same for people."""
    lines = [
        f"{told['name']}: {told['summary']}",
        f"  group         {told['group']}",
        f"  distribution  {told['distribution']} {told['version']}",
        f"  plugin API    {told['api_version']}",
    ]
    capabilities = told["capabilities"]
    if isinstance(capabilities, Mapping):
        lines += ["", "Capabilities with these options:"]
        lines += [f"  {key:<18} {_plain(value)}" for key, value in capabilities.items()]
    elif capabilities is not None:
        lines += ["", f"Capabilities: {capabilities}"]
    lines += ["", "Options:", *_options(told["options"])]
    return "\n".join(lines)


def _capabilities(plugin: AnyPlugin, overrides: Sequence[str]) -> dict[str, Any] | str | None:
    try:
        config = load_config(plugin.config, None, overrides).value
        if not isinstance(plugin, EncoderPlugin):
            return None
        told = asdict(plugin.capabilities(config))
    except MultiprotError as error:
        # Some encoders cannot be without an option; a wrong one is another matter.
        if overrides:
            raise
        return f"not known without options: {error}"
    return {key: sorted(v) if isinstance(v, frozenset) else v for key, v in told.items()}


def _options(schema: Mapping[str, Any]) -> list[str]:
    return list(_lines(schema, schema.get("$defs", {}), "")) or ["  none"]


def _lines(section: Mapping[str, Any], sections: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Two lines for each option of a section, those of the sections inside after their own."""
    required = section.get("required", [])
    for name, field in section.get("properties", {}).items():
        default = "required" if name in required else f"default {_plain(field.get('default'))}"
        yield f"  {prefix}{name} ({default})"
        yield f"      {' '.join(field.get('description', '').split())}"
        for choice in (field, *field.get("anyOf", ())):
            inside = sections.get(choice.get("$ref", "").removeprefix("#/$defs/"))
            if inside is not None:
                yield from _lines(inside, sections, f"{prefix}{name}.")


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
