"""The parent of every config section."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Frozen, typed settings that refuse unknown keys; a field's docstring gives its unit."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        use_attribute_docstrings=True,
        ser_json_inf_nan="constants",
        # Listing plugins imports dozens of sections and validates none of them.
        defer_build=True,
    )
