"""`multiprot plugins`: list, show, check and begin encoders and objectives."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_NAME = typer.Argument(metavar="NAME", help="As `multiprot plugins list` shows it.")
_OPTIONS = typer.Argument(metavar="[KEY=VALUE]...", help="Options of the plugin.")
_GROUP = typer.Option("--group", help="Entry-point group, where two have a plugin of that name.")
_JSON = typer.Option("--json", help="JSON instead of text.")


@app.callback()
def _plugins() -> None:
    """List, show, check and begin encoders and objectives."""


@app.command("list")
def list_plugins(as_json: Annotated[bool, _JSON] = False) -> None:
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


@app.command("show")
def show(
    name: Annotated[str, _NAME],
    options: Annotated[list[str] | None, _OPTIONS] = None,
    group: Annotated[str | None, _GROUP] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Show one plugin: whose it is, what it can do with given options, and its options."""
    from multiprot.encoders.description import describe_plugin, description_text

    registry, plugin = _find(name, group)
    told = describe_plugin(registry, plugin, options or ())
    print(json.dumps(told, indent=2) if as_json else description_text(told))


@app.command("check")
def check(
    name: Annotated[str, _NAME],
    options: Annotated[list[str] | None, _OPTIONS] = None,
    group: Annotated[str | None, _GROUP] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Try a plugin on multiprot's conformance suite; exit code 2 if a test fails.

    It is built with the plugin's own tiny options and what is given here.
    """
    from multiprot.config import load_config
    from multiprot.errors import PluginError
    from multiprot.testing.check import CheckResult, check_plugin

    _, plugin = _find(name, group)
    config = load_config(plugin.config, None, options or (), default=plugin.tiny_options).value
    results: list[CheckResult] = []
    for result in check_plugin(plugin, config):
        results.append(result)
        if not as_json:
            print(_verdict(result), flush=True)
    if as_json:
        print(json.dumps([asdict(result) for result in results], indent=2))
    failed = [result.test for result in results if result.problem is not None]
    if failed:
        raise PluginError(
            f"{name}: {len(failed)} of {len(results)} tests failed: {', '.join(failed)}; each says "
            "above how to mend it"
        )
    if not as_json:
        skipped = sum(result.skipped is not None for result in results)
        print(f"{name}: {len(results) - skipped} tests passed, {skipped} skipped")


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The encoder's name: my-encoder.")],
    modality: Annotated[
        str, typer.Option("--modality", help="sequence, structure or go.")
    ] = "sequence",
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to make; default: multiprot-NAME.")
    ] = None,
) -> None:
    """Write a package with a small working encoder, its tests and a recipe, to start from."""
    from multiprot.testing.template import write_template

    folder = write_template(name, modality, out)
    print(
        f"{folder} is ready. Next:\n"
        f"  pip install -e {folder}\n"
        f"  multiprot plugins check {name}\n"
        f"  multiprot pretrain {folder}/recipe.yaml trainer.max_steps=2 --out runs/{name}"
    )


def _find(name: str, group: str | None) -> tuple[Any, Any]:
    from multiprot.encoders.registry import Registry

    registry = Registry.discover()
    return registry, registry.find(name, group)


def _verdict(result: Any) -> str:
    red, plain = ("\033[31m", "\033[0m") if sys.stdout.isatty() else ("", "")
    head = f"  {result.test.removeprefix('test_').replace('_', ' '):<42} {result.seconds:6.2f} s"
    if result.skipped is not None:
        return f"skipped{head[1:]}  {result.skipped}"
    if result.problem is None:
        return f"passed{head}"
    text = result.problem.replace("\n", "\n        ")
    return f"{red}FAILED{head}\n        {text}{plain}"
