"""Config sections that name a plugin and hold its options, unchecked until the plugin is known."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from multiprot.config import Section


class EncoderSection(Section):
    """Which encoder to use and with what options."""

    name: str = Field(min_length=1)
    """Name of the encoder, as `multiprot plugins list` shows it."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of that encoder, checked by the plugin's own config."""


class ObjectiveSection(Section):
    """Which objective to use, with what weight and options."""

    name: str = Field(min_length=1)
    """Name of the objective, as `multiprot plugins list` shows it."""
    weight: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """Factor on its loss."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of that objective, checked by the plugin's own config."""
