"""pydantic's findings as lines a user can act on: file and line, dotted key, value, remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError

from multiprot.config.keys import known_keys, nearest_key

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SHORT_LIST: Final = 16
_LONGEST_VALUE: Final = 80


def describe(
    error: ValidationError,
    model: type[BaseModel],
    tree: object,
    *,
    origins: Mapping[str, str],
    source: str,
    prefix: str = "",
) -> str:
    """One line per finding, unknown keys first.

    Parameters
    ----------
    error
        What pydantic found.
    model
        The section that was to be made.
    tree
        The plain settings it was to be made from.
    origins
        Where each dotted key was set, "recipe.yaml:12".
    source
        What to name where a key has no origin, usually the file.
    prefix
        Dotted key of the section itself, "" for the whole tree.
    """
    lines: dict[str, None] = {}
    findings = error.errors(include_url=False, include_context=False)
    for finding in sorted(findings, key=lambda f: f["type"] != "extra_forbidden"):
        path = _path(finding, tree)
        dotted = ".".join(p for p in (prefix, *map(str, path)) if p)
        where = _origin(dotted, origins, source)
        lines[f"{where}: {_line(finding, model, path, dotted)}"] = None
    return "\n".join(lines)


def _line(
    finding: ErrorDetails, model: type[BaseModel], path: tuple[str | int, ...], dotted: str
) -> str:
    if finding["type"] == "extra_forbidden":
        return f"{dotted} = {_value(finding['input'])}: unknown key{_hint(model, path)}"
    if finding["type"] == "missing":
        return f"{dotted}: is required but not given"
    message = finding["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if message.startswith("should be"):
        message = "must be" + message.removeprefix("should be")
    if finding["type"] == "bool_type":
        message += "; write true or false"
    if finding["type"] == "value_error" and isinstance(finding["input"], Mapping):
        return f"{dotted}: {message}" if dotted else message
    return f"{dotted or 'the settings'} = {_value(finding['input'])}: {message}"


def _hint(model: type[BaseModel], path: tuple[str | int, ...]) -> str:
    wrong = str(path[-1])
    known = known_keys(model, path[:-1])
    guess = nearest_key(model, path[:-1], wrong)
    hint = f"; did you mean {guess!r}?" if guess else ""
    if len(known) <= _SHORT_LIST or not guess:
        listed = ", ".join(known) if known else "none"
        hint += f"{'' if guess else ';'} known keys here: {listed}"
    return hint


def _path(finding: ErrorDetails, tree: object) -> tuple[str | int, ...]:
    """pydantic's location without the tags it adds for unions and validators."""
    path: list[str | int] = []
    node: Any = tree
    for part in finding["loc"]:
        if _has(node, part):
            node = node[part]
        elif not (finding["type"] == "missing" and part == finding["loc"][-1]):
            continue
        path.append(part)
    return tuple(path)


def _has(node: object, part: str | int) -> bool:
    if isinstance(node, list):
        return isinstance(part, int) and part < len(node)
    return isinstance(node, Mapping) and part in node


def _origin(dotted: str, origins: Mapping[str, str], source: str) -> str:
    """Origin of the key itself, else of what lies below it, else of what lies above it."""
    if dotted in origins:
        return origins[dotted]
    below = [o for k, o in origins.items() if k.startswith(dotted + ".")] if dotted else []
    if below:
        return below[0]
    while "." in dotted:
        dotted = dotted.rsplit(".", 1)[0]
        if dotted in origins and origins[dotted] != "default":
            return origins[dotted]
    return source


def _value(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
