from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from pydantic import Field, model_validator
from typer.testing import CliRunner

from multiprot.cli.section_options import with_section_options
from multiprot.config import Section
from multiprot.errors import ConfigError


class Settings(Section):
    """Every kind of field that is allowed."""

    where: Path | None = None
    """Place of things."""

    share: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Between 0 and 1."""

    tasks: tuple[str, ...] = ()
    """Some names."""

    mode: Literal["fast", "slow"] = "fast"
    """How."""

    strict: bool = False
    """Whether."""

    count: Annotated[int, Field(ge=0)] = 3
    """How many."""

    @model_validator(mode="after")
    def _together(self) -> Settings:
        if self.strict and self.mode == "fast":
            raise ValueError("strict is never fast")
        return self


seen: list[Any] = []
app = typer.Typer()


@app.command()
@with_section_options(Settings, renamed={"tasks": "--task"})
def work(
    name: Annotated[str, typer.Argument()],
    options: Settings,
    loud: Annotated[bool, typer.Option("--loud")] = False,
) -> None:
    """Do the work."""
    seen.append((name, options, loud))


def run(*arguments: str) -> Any:
    seen.clear()
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return seen[0] if seen else result.output


def test_defaults_are_those_of_the_section() -> None:
    assert run("x") == ("x", Settings(), False)


def test_every_kind_of_value_arrives() -> None:
    arguments = (
        *("--where", "a/b", "--share", "0.5", "--task", "one", "--task", "two"),
        *("--mode", "slow", "--strict", "--count", "7", "--loud", "x"),
    )
    expected = Settings(
        where=Path("a/b"), share=0.5, tasks=("one", "two"), mode="slow", strict=True, count=7
    )
    assert run(*arguments) == ("x", expected, True)


def test_help_is_the_fields_own() -> None:
    text = run("--help")
    for option in ("--where", "--share", "--task", "--mode", "--strict", "--count", "--loud"):
        assert option in text
    assert "Place of things." in text
    assert "Do the work." in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--share", "2"), r"--share 2\.0: input should be less than or equal to 1"),
        (("--mode", "middling"), "--mode middling: input should be 'fast' or 'slow'"),
        (("--count", "-1"), "--count -1: input should be greater than or equal to 0"),
        (("--strict",), "^strict is never fast"),
    ],
)
def test_what_the_section_refuses_names_the_option(
    arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        run("x", *arguments)


def test_it_imports_no_torch() -> None:
    code = "import multiprot.cli.section_options, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
