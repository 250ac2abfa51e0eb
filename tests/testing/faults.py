"""A fault table: which sound plugin is spoilt how, and which standard test is there to notice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from inspect import isfunction
from typing import Any

from multiprot.config import Section
from multiprot.encoders.plugin import Capabilities, EncoderPlugin, ObjectivePlugin
from multiprot.encoders.reference.plugins import residue_geometry, residue_transformer, term_table

Build = Callable[[Any], Any]

SEQUENCE, STRUCTURE, GO = residue_transformer, residue_geometry, term_table


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break the contract.

    Attributes
    ----------
    name
        What is wrong.
    test
        The standard test that must notice.
    plugin
        The spoilt plugin.
    says
        Words of its message.
    options
        Options it is tried with.
    """

    name: str
    test: str
    plugin: EncoderPlugin[Any] | ObjectivePlugin[Any]
    says: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


def built(plugin: EncoderPlugin[Any], build: Build) -> EncoderPlugin[Any]:
    """The plugin with another `build`."""
    return replace(plugin, build=build)


def spoilt(plugin: EncoderPlugin[Any], **parts: Any) -> EncoderPlugin[Any]:
    """The plugin with attributes of its encoder replaced after it was built."""

    def build(config: Section) -> Any:
        encoder: Any = plugin.build(config)
        for name, part in parts.items():
            setattr(encoder, name, part(encoder) if isfunction(part) else part)
        return encoder

    return built(plugin, build)


def wrapped(plugin: EncoderPlugin[Any], change: Callable[[Any, Any, Any], Any]) -> Any:
    """The plugin whose tokens pass through `change(encoder, features, tokens)` on the way out."""

    def build(config: Section) -> Any:
        encoder: Any = plugin.build(config)
        sound = type(encoder).forward

        class Spoilt(type(encoder)):  # type: ignore[misc]
            def forward(self, features: Any) -> Any:
                return change(self, features, sound(self, features))

        encoder.__class__ = Spoilt
        return encoder

    return built(plugin, build)


def claiming(plugin: EncoderPlugin[Any], **flags: Any) -> EncoderPlugin[Any]:
    """The plugin with other capabilities than it has."""

    def capabilities(config: Section) -> Capabilities:
        return replace(plugin.capabilities(config), **flags)

    return replace(plugin, capabilities=capabilities)
