"""From a recipe and `KEY=VALUE` overrides to a checked section that knows its origins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from pydantic import ValidationError

from multiprot.config.node import Node, assigned, is_leaf, merged, plain, walk, with_origins, wrap
from multiprot.config.problems import describe
from multiprot.config.section import Section
from multiprot.config.yaml_text import parse_yaml, write_yaml
from multiprot.errors import ConfigError
from multiprot.files import read_lines

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

S = TypeVar("S", bound=Section)

DEFAULT: Final = "default"
"""Origin of a value that nobody set."""

COMMAND_LINE: Final = "command line"
"""Origin of a value set by a `KEY=VALUE` override."""

_EXTENDS: Final = "extends"


@dataclass(frozen=True, slots=True)
class ResolvedConfig(Generic[S]):
    """A section with the origin of each of its values.

    Attributes
    ----------
    value
        The section.
    origins
        Dotted key of every value to "recipe.yaml:12", "command line" or "default".
    """

    value: S
    origins: Mapping[str, str]

    def to_yaml(self, *, origins: bool = True) -> str:
        """YAML that loads back to the same value, with each value's origin as a comment."""
        tree = wrap(self.value.model_dump(mode="json"), DEFAULT)
        return write_yaml(with_origins(tree, self.origins), origins=origins)


def load_config(
    model: type[S],
    path: Path | Traversable | None,
    overrides: Sequence[str] = (),
    *,
    default: Mapping[str, object] | None = None,
    packaged: Mapping[str, Path | Traversable] | None = None,
) -> ResolvedConfig[S]:
    """Read a recipe, lay it over the defaults, apply overrides and check the result.

    Layers, each over the one before: the model's defaults, `default`, the file that the recipe
    `extends`, the recipe, `overrides`. Mappings are merged, lists and scalars replaced; where a
    layer names another plugin, the options of the former plugin are dropped.

    Parameters
    ----------
    model
        The section to make.
    path
        YAML file, or None to start from defaults. Its key `extends` may name one other file,
        relative to itself, or one of `packaged`, which must not extend a third.
    overrides
        `dotted.key=value`, the value as YAML; list entries by index: `objectives.0.weight=2`.
    default
        Plain settings that count as defaults.
    packaged
        Recipes that `extends` may call by name.

    Raises
    ------
    ConfigError
        If anything is unknown, of the wrong type or out of range: one line per finding with file
        and line, dotted key, value and nearest valid key.
    FileFormatError
        If a file is missing or not text.
    """
    tree = wrap(model.model_construct().model_dump(mode="json", warnings=False), DEFAULT)
    for layer in (*_layer(default), *_files(path, packaged or {})):
        tree = merged(tree, layer)
    # Plugin names first: naming another plugin drops the options of the former one.
    for keys, setting in sorted(map(_override, overrides), key=lambda o: o[0][-1] != "name"):
        tree = assigned(tree, keys, setting)
    settings = plain(tree)
    origins = {dotted: node.origin for dotted, node in walk(tree)}
    source = COMMAND_LINE if path is None else str(path)
    try:
        # JSON mode takes lists for tuples and text for enums and paths, yet refuses "12" for 12.
        value = model.model_validate_json(json.dumps(settings), strict=True)
    except ValidationError as error:
        raise ConfigError(
            describe(error, model, settings, origins=origins, source=source)
        ) from None
    return ResolvedConfig(value, _origins_of(value, tree))


def setting_of(
    path: Path | Traversable, key: str, packaged: Mapping[str, Path | Traversable]
) -> object:
    """What a recipe, or else the file that it extends, says of one of its outermost keys.

    None where neither says anything. Nothing is checked; for asking which section to load.
    """
    said = [file.value[key] for file in _files(path, packaged) if key in file.value]
    return plain(said[-1]) if said else None


def _layer(default: Mapping[str, object] | None) -> tuple[Node, ...]:
    return () if default is None else (wrap(default, DEFAULT),)


def _files(
    path: Path | Traversable | None, packaged: Mapping[str, Path | Traversable]
) -> tuple[Node, ...]:
    """The extended file and the file, or fewer."""
    if path is None:
        return ()
    recipe = _read(path)
    target = recipe.value.pop(_EXTENDS, None)
    if target is None:
        return (recipe,)
    if not isinstance(target.value, str):
        raise ConfigError(f"{target.origin}: extends = {target.value!r}: must be one file name")
    other = packaged.get(target.value) or _sibling(path, target.value)
    if packaged and isinstance(other, Path) and not other.suffix and not other.exists():
        raise ConfigError(
            f"{target.origin}: extends = {target.value!r}: neither a file nor a packaged recipe; "
            f"packaged are: {', '.join(packaged)}"
        )
    base = _read(other)
    if _EXTENDS in base.value:
        raise ConfigError(
            f"{base.value[_EXTENDS].origin}: extends = {base.value[_EXTENDS].value!r}: {other} is "
            f"itself extended by {path}; only one level is allowed, so copy its settings"
        )
    return (base, recipe)


def _sibling(path: Path | Traversable, name: str) -> Path | Traversable:
    if isinstance(path, Path):
        return path.parent / name
    raise ConfigError(f"{path}: a packaged recipe inside an archive cannot extend {name!r}")


def _read(path: Path | Traversable) -> Node:
    if isinstance(path, Path):
        text = "\n".join(read_lines(path))
    else:
        text = path.read_text(encoding="utf-8")
    node = parse_yaml(text, str(path))
    if node.value is None:
        raise ConfigError(f"{path}: the file is empty; write at least one KEY: VALUE")
    if not isinstance(node.value, dict):
        raise ConfigError(f"{path}: must hold KEY: VALUE settings, not {node.value!r:.60}")
    return node


def _override(text: str) -> tuple[list[str], Node]:
    key, equals, value = text.partition("=")
    keys = key.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(
            f"{COMMAND_LINE}: {text!r}: an override is written KEY=VALUE with a dotted key, "
            "for example optimizer.peak_lr=1e-3"
        )
    return keys, parse_yaml(
        value, f"{COMMAND_LINE}: {key.strip()} = {value!r}", origin=COMMAND_LINE
    )


def _origins_of(value: Section, tree: Node) -> dict[str, str]:
    """Origin of every leaf of `value`; one that a leaf of `tree` grew into has that leaf's."""
    given = {dotted: node.origin for dotted, node in walk(tree) if is_leaf(node)}
    origins = {}
    for dotted, node in walk(wrap(value.model_dump(mode="json"), DEFAULT)):
        if is_leaf(node):
            parts = dotted.split(".")
            above = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
            origins[dotted] = next((given[key] for key in above if key in given), DEFAULT)
    return origins
