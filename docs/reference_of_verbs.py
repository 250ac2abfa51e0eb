"""The reference of the command line: every verb with its own help text."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from multiprot.cli.main import app

_WIDTH = 10_000
"""Columns of a terminal in which no help text is wrapped."""


def verbs_page() -> str:
    """Markdown, one section per verb, in the order of `multiprot --help`."""
    root = typer.main.get_command(app)
    return "\n\n".join(_sections(root, _context(root, "multiprot", None))) + "\n"


def _sections(command: Any, context: Any) -> Iterator[str]:
    """The command's own section, then those of its verbs."""
    yield f"## {context.command_path}"
    yield f"```text\n{_usage(command, context)}\n```"
    yield inspect.cleandoc(command.help or "")
    for kind, heading in (("argument", "argument"), ("option", "option")):
        rows = [
            _row(parameter, context)
            for parameter in command.get_params(context)
            if parameter.param_type_name == kind
        ]
        if rows:
            yield "\n".join([f"| {heading} | what it does |", "|---|---|", *rows])
    for name in _verbs(command, context):
        verb = command.get_command(context, name)
        yield from _sections(verb, _context(verb, name, context))


def _context(command: Any, name: str, parent: Any) -> Any:
    return command.context_class(command, info_name=name, parent=parent, max_content_width=_WIDTH)


def _verbs(command: Any, context: Any) -> list[str]:
    return list(command.list_commands(context)) if hasattr(command, "list_commands") else []


def _usage(command: Any, context: Any) -> str:
    return " ".join(str(command.get_usage(context)).split())


def _row(parameter: Any, context: Any) -> str:
    names, text = parameter.get_help_record(context)
    # In code "<" stands for itself; in text it would begin a tag.
    return f"| `{_in_table(names)}` | {_in_table(text).replace('<', '&lt;')} |"


def _in_table(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
