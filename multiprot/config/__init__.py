"""Typed settings: frozen sections, YAML with one level of `extends`, dotted overrides.

Names are loaded at first use: a plugin's options need `Section`, not the YAML reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.config.load import COMMAND_LINE, DEFAULT, ResolvedConfig, load_config
    from multiprot.config.schema import recipe_schema
    from multiprot.config.section import Section

_MODULES: Final = {
    "COMMAND_LINE": "load",
    "DEFAULT": "load",
    "ResolvedConfig": "load",
    "Section": "section",
    "load_config": "load",
    "recipe_schema": "schema",
}

__all__ = ["COMMAND_LINE", "DEFAULT", "ResolvedConfig", "Section", "load_config", "recipe_schema"]

__getattr__ = lazy_names(__name__, _MODULES)
