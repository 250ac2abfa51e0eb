"""YAML without the traps of version 1.1, with the line of every value.

Read as the core schema of YAML 1.2: `1e-4` is a number, `on`, `off`, `yes`, `no`, dates and `1:30`
are text, `010` is ten. Duplicate keys, anchors and tags are refused: each would leave a reader in
doubt about which value counts.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import yaml

from multiprot.config.node import Node, is_leaf
from multiprot.errors import ConfigError

_TAG: Final = "tag:yaml.org,2002:"
_RULES: Final = (
    ("null", re.compile(r"~|null|Null|NULL|")),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("int", re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")),
    ("float", re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")),
)

_PLAIN_WORD: Final = re.compile(r"[A-Za-z_./][\w./-]*", re.ASCII)
"""Text that may stand without quotes, unless YAML 1.1 takes it for something else (`on`)."""

_LONGEST_NUMBER: Final = 4000
"""Digits; of much longer integers Python refuses the conversion."""


class _Composer(yaml.SafeLoader):
    """PyYAML's parser with the scalars of YAML 1.2 and without aliases."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - PyYAML's own class attribute

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem=f"alias *{event.anchor}: anchors are not supported, use `extends`",
                problem_mark=event.start_mark,
            )
        return super().compose_node(parent, index)


for _name, _pattern in _RULES:
    _Composer.add_implicit_resolver(_TAG + _name, re.compile(f"(?:{_pattern.pattern})$"), None)


def parse_yaml(text: str, name: str, *, origin: str | None = None) -> Node:
    """One YAML document as a tree of nodes.

    Parameters
    ----------
    text
        The document; nothing at all reads as an empty mapping's null.
    name
        What errors call it, usually the file.
    origin
        Origin of every value; by default `name` with the line: "recipe.yaml:12".

    Raises
    ------
    ConfigError
        If it is not YAML or holds duplicate keys, anchors or tags; names the line.
    """
    try:
        root = yaml.compose(text, Loader=_Composer)
        return Node(None, origin or name) if root is None else _node(root, name, origin)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = name if mark is None or origin else f"{name}:{mark.line + 1}"
        problem = " ".join(str(error.problem or error.context).split())
        raise ConfigError(f"{where}: not valid YAML: {problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ConfigError(f"{name}: not valid settings: nested too deeply") from None


def write_yaml(root: Node, *, origins: bool = False) -> str:
    """The tree as YAML text that `parse_yaml` reads back to the same values.

    Parameters
    ----------
    root
        A mapping.
    origins
        Say behind every value where it came from, as a comment.
    """
    return "".join(line + "\n" for line in _lines(root, "", origins)) or "{}\n"


def _node(part: yaml.Node, name: str, origin: str | None) -> Node:
    where = origin or f"{name}:{part.start_mark.line + 1}"
    if not isinstance(part, yaml.ScalarNode) and part.tag not in (_TAG + "map", _TAG + "seq"):
        raise _marked(f"tag {part.tag!r} is not supported", part)
    if isinstance(part, yaml.MappingNode):
        entries: dict[str, Node] = {}
        for key, value in part.value:
            text = key.value
            if not isinstance(text, str):
                raise _marked("a key must be a word, not a list or mapping", key)
            if text in entries:
                raise _marked(f"key {text!r} is given twice", key)
            entries[text] = _node(value, name, origin)
        return Node(entries, where)
    if isinstance(part, yaml.SequenceNode):
        return Node([_node(value, name, origin) for value in part.value], where)
    return Node(_scalar(part), where)


def _scalar(part: yaml.Node) -> str | int | float | bool | None:
    text = part.value
    match part.tag.removeprefix(_TAG):
        case "str":
            return str(text)
        case "null":
            return None
        case "bool":
            return bool(text.lower() == "true")
        case "int" if len(text) < _LONGEST_NUMBER:
            base = {"0o": 8, "0x": 16}.get(text[:2], 10)
            return int(text, base)
        case "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    raise _marked(f"value {text[:40]!r} of type {part.tag!r} is not supported", part)


def _marked(problem: str, part: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=part.start_mark)


def _lines(node: Node, indent: str, origins: bool) -> list[str]:
    lines: list[str] = []
    if isinstance(node.value, dict):
        for key, part in node.value.items():
            head = f"{indent}{_text(key)}:"
            if is_leaf(part):
                lines.append(_leaf(head, part, origins))
            else:
                lines += [head, *_lines(part, indent + "  ", origins)]
        return lines
    for part in node.value:
        if is_leaf(part):
            lines.append(_leaf(f"{indent}-", part, origins))
        else:
            inner = _lines(part, indent + "  ", origins)
            lines += [f"{indent}- {inner[0].lstrip()}", *inner[1:]]
    return lines


def _leaf(head: str, node: Node, origins: bool) -> str:
    comment = f"  # {' '.join(node.origin.split())}" if origins else ""
    return f"{head} {_text(node.value)}{comment}"


def _text(value: object) -> str:
    """A scalar or empty container as YAML that versions 1.1 and 1.2 read alike."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | dict | list):
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    text = str(value)
    if _PLAIN_WORD.fullmatch(text) and isinstance(yaml.safe_load(text), str):
        return text
    return str(yaml.safe_dump(text, default_style='"', width=math.inf)).rstrip("\n")


def _float_text(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # YAML 1.1 wants a point before the exponent.
    return text.replace("e", ".0e") if "e" in text and "." not in text else text
