"""Which keys a section knows, and which of them a misspelt one is nearest to."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel


def sections_at(model: type[BaseModel], path: Sequence[str | int]) -> tuple[type[BaseModel], ...]:
    """Sections that may stand at `path` below `model`; several where a field allows several."""
    found: tuple[type[BaseModel], ...] = (model,)
    for part in path:
        if isinstance(part, int) or part.isdecimal():
            continue
        fields = (section.model_fields.get(part) for section in found)
        found = tuple(s for f in fields if f is not None for s in _sections_in(f.annotation))
    return found


def known_keys(model: type[BaseModel], path: Sequence[str | int]) -> tuple[str, ...]:
    """Keys that may stand at `path` below `model`, in the order of their declaration."""
    return tuple(dict.fromkeys(k for s in sections_at(model, path) for k in s.model_fields))


def nearest_key(model: type[BaseModel], path: Sequence[str | int], wrong: str) -> str | None:
    """The key a user most likely meant: a similar one beside it, else the same name elsewhere.

    Returns
    -------
    str or None
        A bare key if it belongs at `path`, a dotted one from the root if it belongs elsewhere.
    """
    beside = nearest(wrong, known_keys(model, path))
    if beside is not None:
        return beside
    elsewhere: dict[str, str] = {}
    for dotted in dotted_keys(model):
        elsewhere.setdefault(dotted.rsplit(".", 1)[-1], dotted)
    match = nearest(wrong, tuple(elsewhere))
    return None if match is None else elsewhere[match]


def nearest(wrong: str, known: Sequence[str]) -> str | None:
    """The most similar of `known` words, or None if none is similar."""
    lower = {word.lower(): word for word in reversed(known)}
    matches = difflib.get_close_matches(wrong.lower(), list(lower), n=1, cutoff=0.6)
    if matches:
        return lower[matches[0]]
    parts = [w for w in known if len(wrong) > 1 and (wrong in w.split("_") or w in wrong)]
    return parts[0] if parts else None


def unknown_name(kind: str, name: str, known: Sequence[str]) -> str:
    """What to tell who names something that is not there: the most similar name, and all."""
    guess = nearest(name, known)
    hint = f"; did you mean {guess!r}?" if guess else ""
    return f"no {kind} {name!r}{hint}; there are {', '.join(known)}"


def dotted_keys(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> Iterator[str]:
    """Every dotted key below `model`; lists contribute their element's keys under index 0."""
    for name, field in model.model_fields.items():
        path = (*prefix, name)
        yield ".".join(path)
        index = ("0",) if _is_list(field.annotation) else ()
        for section in _sections_in(field.annotation):
            if len(path) < 12:
                yield from dotted_keys(section, path + index)


def _sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for part in get_args(annotation):
        yield from _sections_in(part)


def _is_list(annotation: Any) -> bool:
    origin = getattr(annotation, "__origin__", None)
    return origin in (list, tuple) or any(_is_list(part) for part in get_args(annotation))
