"""The reference of settings: every key of a recipe and of the installed plugins' options."""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from multiprot.config import Section
from multiprot.embedding.options import EmbedOptions
from multiprot.encoders.registry import GROUPS, OBJECTIVE_GROUP, Registry
from multiprot.evaluation.structures.options import StructureOptions
from multiprot.training.config import PretrainConfig
from multiprot.training.finetune.options import FineTuneOptions
from multiprot.training.masked.config import MaskedConfig

_WORDS: Final = {
    int: "integer",
    float: "number",
    str: "text",
    bool: "true or false",
    Path: "path",
    dict: "mapping",
    Any: "anything",
}
_LARGE: Final = 1_000_000
_BOUNDS: Final = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def settings_page() -> str:
    """Markdown: the recipe section by section, the plugins' options, those of some commands."""
    blocks = ["## Recipe", _purpose(PretrainConfig), _table(PretrainConfig)]
    for key, section in _sections(PretrainConfig, ""):
        blocks += [f"### {key}", _purpose(section), _table(section)]
    blocks += ["## Recipe of a student", _purpose(MaskedConfig), _table(MaskedConfig)]
    for key, section in _own_sections():
        blocks += [f"### {key} of a student", _purpose(section), _table(section)]
    blocks += list(_plugins())
    blocks += ["## Options of embedding", _purpose(EmbedOptions)]
    blocks += ["`EmbedOptions` in Python; most of them are options of `multiprot embed`, too."]
    blocks += [_table(EmbedOptions)]
    blocks += ["## Options of fine-tuning", _purpose(FineTuneOptions)]
    blocks += ["Each is an option of `multiprot finetune`: `batch_entries` is `--batch-entries`."]
    blocks += [_table(FineTuneOptions)]
    blocks += ["## Options of structures for tasks", _purpose(StructureOptions)]
    blocks += ["Options of `multiprot finetune` and `multiprot evaluate`."]
    blocks += [_table(StructureOptions)]
    return "\n\n".join(blocks) + "\n"


def _own_sections() -> Iterator[tuple[str, type[Section]]]:
    """Sections of a student's recipe that other recipes do not have."""
    shared = {section for _, section in _sections(PretrainConfig, "")}
    return (found for found in _sections(MaskedConfig, "") if found[1] not in shared)


def _sections(model: type[Section], prefix: str) -> Iterator[tuple[str, type[Section]]]:
    """Dotted key and class of every section below `model`, depth first."""
    for name, field in model.model_fields.items():
        for section in _section_classes(field.annotation):
            key = f"{prefix}{name}"
            yield key, section
            yield from _sections(section, f"{key}.")


def _section_classes(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
        return
    for part in get_args(annotation):
        yield from _section_classes(part)


def _plugins() -> Iterator[str]:
    """Options of every plugin that is installed, group by group."""
    registry = Registry.discover()
    for group in GROUPS:
        kind = "objectives" if group == OBJECTIVE_GROUP else group.split(".")[1].replace("_", " ")
        yield f"## Options of {kind.replace('go ', 'GO ')}"
        for row in registry.rows():
            if row.group == group:
                plugin = registry.plugin(group, row.name)
                yield f"### {row.name}"
                yield f"{row.summary}. From `{row.distribution}`."
                yield _table(plugin.config)


def _purpose(model: type[Section]) -> str:
    return " ".join((model.__doc__ or "").split())


def _table(model: type[Section]) -> str:
    rows = [
        f"| `{name}` | {_in_table(_allowed(field.annotation, field.metadata))} "
        f"| {_in_table(_default(field))} | {_in_table(field.description or '')} |"
        for name, field in model.described().model_fields.items()
    ]
    return "\n".join(["| key | value | default | what it is |", "|---|---|---|---|", *rows])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined or isinstance(default, Section):
        return "see below"
    if isinstance(default, tuple | frozenset):
        default = list(default)
    return f"`{default if isinstance(default, str) else json.dumps(default, default=str)}`"


def _allowed(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """What may be written for a value, in words."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _allowed(parts[0], [*parts[1:], *metadata])
    if origin in (Union, types.UnionType):
        given = [_allowed(part, metadata) for part in parts if part is not type(None)]
        return " or ".join([*given, *(["null"] if type(None) in parts else [])])
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if origin in (tuple, list):
        inside = dict.fromkeys(_allowed(part) for part in parts if part is not Ellipsis)
        return f"list of {', '.join(inside)}"
    if next(_section_classes(annotation), None) is not None:
        return "section"
    return " ".join([_WORDS.get(origin or annotation, str(annotation)), *_limits(metadata)])


def _limits(metadata: Iterable[Any]) -> Iterator[str]:
    for entry in metadata:
        if isinstance(entry, FieldInfo):
            yield from _limits(entry.metadata)
        for name, sign in _BOUNDS.items():
            limit = getattr(entry, name, None)
            if limit is not None and not isinstance(entry, FieldInfo):
                yield f"{sign} {limit:g}" if abs(limit) < _LARGE else f"{sign} {limit}"


def _in_table(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
