"""`multiprot config`: what a recipe resolves to, and what a recipe may hold."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer


class Kind(StrEnum):
    """Kinds of recipes of `multiprot pretrain`."""

    FUSED = "fused"
    MASKED_SEQUENCE = "masked-sequence"


app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.callback()
def _config() -> None:
    """Show a resolved recipe, or the JSON schema of recipes."""


@app.command("show")
def show(
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE] [KEY=VALUE]...",
            help="A YAML file or packaged recipe (default: quickstart), then overrides.",
        ),
    ] = None,
    origins: Annotated[
        bool, typer.Option("--origins", help="Say of every value where it was set.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of YAML.")] = False,
) -> None:
    """Print the complete settings that a recipe and overrides resolve to."""
    from multiprot.cli.recipes import resolve_any

    resolved = resolve_any(settings or [])
    if not as_json:
        print(resolved.to_yaml(origins=origins), end="")
        return
    values = resolved.value.model_dump(mode="json")
    shown = {"config": values, "origins": dict(resolved.origins)} if origins else values
    print(json.dumps(shown, indent=2))


@app.command("schema")
def schema(
    kind: Annotated[
        Kind, typer.Option(help="Of recipes of fused models, or of students.")
    ] = Kind.FUSED,
) -> None:
    """Print the JSON schema of a recipe, for completion and checks in an editor."""
    from multiprot.config import recipe_schema
    from multiprot.training.config import PretrainConfig
    from multiprot.training.masked.config import MaskedConfig

    model = PretrainConfig if kind is Kind.FUSED else MaskedConfig
    print(json.dumps(recipe_schema(model), indent=2))
