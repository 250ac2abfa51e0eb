"""`multiprot plugins`: which encoders and objectives are installed."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.callback()
def _plugins() -> None:
    """List the installed encoders and objectives."""


@app.command("list")
def list_plugins(
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON.")] = False,
) -> None:
    """List every plugin with its distribution and version; a broken one says why."""
    from multiprot.encoders.registry import GROUPS, PluginRow, Registry

    rows = Registry.discover().rows()
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    colour = sys.stdout.isatty()

    def line(row: PluginRow, widths: tuple[int, int]) -> str:
        head = f"  {row.name:<{widths[0]}}  {f'{row.distribution} {row.version}':<{widths[1]}}  "
        if row.error is None:
            return f"{head}{row.summary}"
        return f"\033[31m{head}error: {row.error}\033[0m" if colour else f"{head}error: {row.error}"

    name_width = max((len(row.name) for row in rows), default=0)
    owner_width = max((len(f"{row.distribution} {row.version}") for row in rows), default=0)
    for group in GROUPS:
        print(group)
        members = [row for row in rows if row.group == group]
        for row in members:
            print(line(row, (name_width, owner_width)))
        if not members:
            print("  none")
