"""Sections: descriptions come from docstrings, and only when somebody asks."""

from __future__ import annotations

import subprocess
import sys
from typing import Literal

from pydantic import Field

from multiprot.config import Section


class Inner(Section):
    depth: int = Field(default=2, ge=1)
    """Layers,
    counted from 1."""


class Outer(Section):
    inner: Inner = Inner()
    """What is inside."""
    many: tuple[Inner, ...] = ()
    """More of it."""
    kind: Literal["a", "b"] = "a"


class Child(Outer):
    kind: Literal["a", "b"] = "b"
    """Which one."""
    own: float | None = None
    """Its own."""


def test_descriptions_are_docstrings_of_the_class_and_its_parents() -> None:
    fields = Child.described().model_fields
    assert {name: field.description for name, field in fields.items()} == {
        "inner": "What is inside.",
        "many": "More of it.",
        "kind": "Which one.",
        "own": "Its own.",
    }
    assert Outer.model_fields["kind"].description is None


def test_the_schema_has_them_at_every_depth() -> None:
    schema = Child.model_json_schema()
    assert schema["properties"]["own"]["description"] == "Its own."
    assert schema["$defs"]["Inner"]["properties"]["depth"] == {
        "default": 2,
        "description": "Layers,\ncounted from 1.",
        "minimum": 1,
        "title": "Depth",
        "type": "integer",
    }


def test_asking_changes_no_validation() -> None:
    before = Child(own=1)
    Child.described()
    assert Child(own=1) == before
    assert Child.model_validate_json('{"inner": {"depth": 3}}', strict=True).inner.depth == 3


def test_a_class_without_source_has_no_descriptions() -> None:
    program = (
        "from multiprot.config import Section\n"
        "class Made(Section):\n    width: int = 3\n"
        "print(Made.model_json_schema()['properties'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "description" not in done.stdout
    assert "'default': 3" in done.stdout
