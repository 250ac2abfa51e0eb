"""Settings on their way to a section: a tree in which every value remembers where it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multiprot.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a settings tree.

    Attributes
    ----------
    value
        dict of str to Node, list of Node, or a scalar (str, int, float, bool, None).
    origin
        Where it was set: "recipe.yaml:12", "command line" or "default".
    """

    value: Any
    origin: str


def wrap(value: object, origin: str) -> Node:
    """A tree of nodes from plain dicts, lists and scalars, all of one origin."""
    if isinstance(value, Mapping):
        return Node({str(key): wrap(part, origin) for key, part in value.items()}, origin)
    if isinstance(value, list | tuple):
        return Node([wrap(part, origin) for part in value], origin)
    return Node(value, origin)


def plain(node: Node) -> Any:
    """The tree without its origins."""
    if isinstance(node.value, dict):
        return {key: plain(part) for key, part in node.value.items()}
    if isinstance(node.value, list):
        return [plain(part) for part in node.value]
    return node.value


def merged(lower: Node, upper: Node) -> Node:
    """`upper` laid over `lower`: mappings are merged key by key, all else is replaced.

    Where both are plugin sections and `upper` names another plugin, the `options` of `lower` are
    dropped: they belong to the plugin that is no longer used.
    """
    if not (isinstance(lower.value, dict) and isinstance(upper.value, dict)):
        return upper
    base = dict(lower.value)
    if "name" in upper.value:
        base = _without_foreign_options(base, upper.value["name"])
    for key, part in upper.value.items():
        base[key] = merged(base[key], part) if key in base else part
    return Node(base, upper.origin)


def assigned(node: Node, keys: Sequence[str], new: Node, done: tuple[str, ...] = ()) -> Node:
    """A copy of the tree with the value at `keys` replaced; missing mappings are made.

    Raises
    ------
    ConfigError
        If a key is not an index of the list it points into.
    """
    if not keys:
        return new
    key, rest = keys[0], keys[1:]
    if isinstance(node.value, list):
        entries = list(node.value)
        if not key.isdecimal() or int(key) >= len(entries):
            dotted = ".".join((*done, key))
            raise ConfigError(
                f"{new.origin}: {dotted}: {'.'.join(done)} is a list of {len(entries)}, "
                f"{key!r} is not one of its indices; count from 0"
            )
        entries[int(key)] = assigned(entries[int(key)], rest, new, (*done, key))
        return Node(entries, node.origin)
    base = dict(node.value) if isinstance(node.value, dict) else {}
    if key == "name" and not rest:
        base = _without_foreign_options(base, new)
    base[key] = assigned(base.get(key, Node({}, new.origin)), rest, new, (*done, key))
    return Node(base, node.origin if isinstance(node.value, dict) else new.origin)


def walk(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Node]]:
    """Every node below this one with its dotted key, outer before inner."""
    if path:
        yield ".".join(path), node
    parts: Iterator[tuple[str, Node]] = iter(())
    if isinstance(node.value, dict):
        parts = iter(node.value.items())
    elif isinstance(node.value, list):
        parts = ((str(index), part) for index, part in enumerate(node.value))
    for key, part in parts:
        yield from walk(part, (*path, key))


def with_origins(node: Node, origins: Mapping[str, str], path: tuple[str, ...] = ()) -> Node:
    """The same tree, each value with the origin that `origins` gives its dotted key."""
    value = node.value
    if isinstance(value, dict):
        value = {key: with_origins(part, origins, (*path, key)) for key, part in value.items()}
    elif isinstance(value, list):
        value = [with_origins(p, origins, (*path, str(i))) for i, p in enumerate(value)]
    return Node(value, origins.get(".".join(path), node.origin))


def is_leaf(node: Node) -> bool:
    """The node is a scalar or an empty mapping or list."""
    return not (isinstance(node.value, dict | list) and node.value)


def _without_foreign_options(base: dict[str, Node], name: Node) -> dict[str, Node]:
    if "name" in base and base["name"].value != name.value:
        return {key: part for key, part in base.items() if key != "options"}
    return base
