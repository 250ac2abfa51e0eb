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
    content = _dump({"format": FORMAT, "release": release, "terms": rows})
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
    if found != FORMAT:
        raise FileFormatError(
            f"{path}: holds format {found!r}, this version of multiprot reads {FORMAT!r}"
        )
    try:
        return str(content["release"]), [Term(**row) for row in content["terms"]]
    except (AttributeError, KeyError, TypeError) as error:
        raise FileFormatError(
            f"{path}: a term in it is not as multiprot writes it ({error}); save it again"
        ) from None


def _row(term: Term) -> dict[str, object]:
    """What differs from the defaults; most terms use four or five of the fields."""
    return {name: value for name in _FIELDS if (value := getattr(term, name))}


def _dump(content: object) -> str:
    return json.dumps(content, separators=(",", ":"))
