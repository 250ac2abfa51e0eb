"""The parent of every config section."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Frozen, typed settings that refuse unknown keys; a field's docstring gives its unit."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        ser_json_inf_nan="constants",
        # Listing plugins imports dozens of sections and validates none of them.
        defer_build=True,
    )

    @classmethod
    def described(cls) -> type[Self]:
        """The class itself, the docstring under each field being its `description` now.

        pydantic could do that when a class is made, but it reads and parses source code for it,
        which would be a fifth of the time of `multiprot plugins list`. Sections inside are
        described, too.
        """
        told: dict[str, str] = {}
        for parent in reversed(cls.__mro__):
            if issubclass(parent, Section) and parent is not Section:
                told |= dict(_docstrings(parent))
        for name, field in cls.model_fields.items():
            field.description = told.get(name, field.description)
            for section in _sections(field.annotation):
                section.described()
        cls.model_rebuild(force=True)
        return cls

    @classmethod
    def model_json_schema(cls, *given: Any, **keywords: Any) -> dict[str, Any]:
        """pydantic's JSON schema, with descriptions."""
        return super(Section, cls.described()).model_json_schema(*given, **keywords)


def _docstrings(section: type[Section]) -> Iterator[tuple[str, str]]:
    """Names and docstrings of the fields that a class itself declares."""
    try:
        source = textwrap.dedent(inspect.getsource(section))
    except (OSError, TypeError):
        # Made in an interactive session or by a program: there is no source, and no docstring.
        return
    statements = ast.parse(source).body[0].body  # type: ignore[attr-defined]
    for field, text in pairwise(statements):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                yield name, inspect.cleandoc(words)


def _sections(annotation: Any) -> Iterator[type[Section]]:
    """Sections inside a type: itself, or those of its arguments."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for part in get_args(annotation):
        yield from _sections(part)
