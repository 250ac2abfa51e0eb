"""An ontology as compact JSON: the form that is hashed, and that bundles and corpora carry."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Final

from multiprot.errors import FileFormatError
from multiprot.files import atomic_file, read_bytes
from multiprot.ontology.term import Term

FORMAT: Final = "multiprot-ontology/1"
"""Name and version of the file format."""

_FIELDS: Final = tuple(field.name for field in fields(Term))


def canonical_json(terms: Iterable[Term]) -> str:
    """All fields of all terms, in one spelling whatever the order of `terms`."""
    return _dump([_row(term) for term in sorted(terms, key=lambda term: term.id)])


def write_snapshot(path: Path, release: str, terms: Iterable[Term]) -> None:
    """Write gzipped JSON; equal terms give equal bytes."""
    rows = [_row(term) for term in sorted(terms, key=lambda term: term.id)]
    content = _dump({"format": FORMAT, "release": release, "fields": _FIELDS, "terms": rows})
    with atomic_file(path) as partial:
        partial.write_bytes(gzip.compress(content.encode(), mtime=0))


def read_snapshot(path: Path) -> tuple[str, list[Term]]:
    """Release and terms of a file that `write_snapshot` wrote.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged or of another format.
    OntologyError
        If a term contradicts itself.
    """
    try:
        content = json.loads(read_bytes(path))
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise FileFormatError(f"{path}: is no saved ontology; write one with save()") from None
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT or content.get("fields") != list(_FIELDS):
        raise FileFormatError(
            f"{path}: holds format {found!r}, this version of multiprot reads {FORMAT!r}"
        )
    return content["release"], [
        Term(**dict(zip(_FIELDS, row, strict=True))) for row in content["terms"]
    ]


def _row(term: Term) -> list[object]:
    return [getattr(term, name) for name in _FIELDS]


def _dump(content: object) -> str:
    return json.dumps(content, separators=(",", ":"))
