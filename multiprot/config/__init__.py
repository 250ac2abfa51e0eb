"""Typed settings: frozen sections, YAML with one level of `extends`, dotted overrides."""

from multiprot.config.section import Section

__all__ = ["Section"]
