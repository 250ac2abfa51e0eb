"""Typed settings: frozen sections, YAML with one level of `extends`, dotted overrides."""

from multiprot.config.load import COMMAND_LINE, DEFAULT, ResolvedConfig, load_config
from multiprot.config.schema import recipe_schema
from multiprot.config.section import Section

__all__ = ["COMMAND_LINE", "DEFAULT", "ResolvedConfig", "Section", "load_config", "recipe_schema"]
