"""OBO files: reading through obonet after a check of our own, and writing."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from multiprot.errors import FileFormatError, OntologyError
from multiprot.files import atomic_file, read_lines
from multiprot.ontology.term import REGULATES, RELATIONS, Term

UNKNOWN_RELEASE: Final = "unspecified"
"""Release of a file without a data-version header."""

_HEADER_TAGS: Final = frozenset({"data-version", "format-version"})
_TERM_TAGS: Final = frozenset(
    {"id", "name", "namespace", "is_a", "alt_id", "is_obsolete", "replaced_by", "consider"}
)
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r"\\(.)")
_UNESCAPES: Final = {"n": "\n", "W": " ", "t": "\t"}


@dataclass(slots=True)
class _Scan:
    """What one pass over the lines of a file found.

    Attributes
    ----------
    lines
        Lines that matter here, one blank line between stanzas: input for obonet.
    first_line
        Term id -> number of the line that declares it.
    definitions
        Term id -> definition.
    """

    lines: list[str] = field(default_factory=list)
    first_line: dict[str, int] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)


def read_obo(path: Path, *, regulates: bool = False) -> tuple[str, list[Term]]:
    """Release and terms of an OBO file, plain, gzip or xz.

    Parameters
    ----------
    path
        The file.
    regulates
        Keep the three regulates relations; other relations than these, is_a and part_of are
        never kept.

    Returns
    -------
    tuple
        The data-version header (`UNKNOWN_RELEASE` without one) and the terms in file order.

    Raises
    ------
    FileFormatError
        If the file cannot be read or is no OBO file.
    OntologyError
        If a term is declared twice or lacks an id, a name or a namespace.
    """
    import obonet

    scan = _scan(path, RELATIONS if regulates else ("is_a", "part_of"))
    # Without this header obonet complains on the root logger, which tells nobody anything.
    text = "\n".join(["ontology: go", *scan.lines])
    graph = obonet.read_obo(io.StringIO(text), ignore_obsolete=False)
    terms = []
    for term_id, line in scan.first_line.items():
        try:
            terms.append(_term(term_id, graph.nodes[term_id], graph.adj[term_id], scan.definitions))
        except OntologyError as error:
            raise OntologyError(f"{path}: line {line}: {error}") from None
    return graph.graph.get("data-version", UNKNOWN_RELEASE), terms


def write_obo(path: Path, release: str, terms: Iterable[Term]) -> None:
    """Write `terms` as an OBO file, gzipped if the name ends in .gz; equal terms, equal bytes."""
    header = ["format-version: 1.2", f"data-version: {release}", "ontology: go"]
    stanzas = ["\n".join(_stanza(term)) for term in sorted(terms, key=lambda term: term.id)]
    content = ("\n\n".join(["\n".join(header), *stanzas]) + "\n").encode()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    with atomic_file(path) as partial:
        partial.write_bytes(content)


def _scan(path: Path, relations: Iterable[str]) -> _Scan:
    # obonet merges repeated ids, takes a stanza without a blank line before it for part of the
    # last one, and dies without file or line on a missing id; the rest of its time goes into
    # synonyms and cross-references that nobody here reads. Hence this pass before it.
    scan, stanza, term_id, stanza_line = _Scan(), "", "", 0
    wanted = frozenset(relations)
    for number, raw in enumerate(read_lines(path), start=1):
        line = raw.strip()
        if not line or line.startswith("!"):
            continue
        if line.startswith("["):
            _require_id(path, stanza, term_id, stanza_line)
            stanza, term_id, stanza_line = line.partition("]")[0] + "]", "", number
            if stanza == "[Term]":
                scan.lines += ["", stanza]
            continue
        tag, value = _tag_and_value(path, number, line)
        if stanza == "[Term]":
            if tag == "id":
                term_id = _declare(path, scan, value, number)
            _keep_term_line(path, scan, (term_id, tag, value, number), wanted)
        elif not stanza and tag in _HEADER_TAGS:
            scan.lines.append(line)
    _require_id(path, stanza, term_id, stanza_line)
    if not scan.first_line:
        raise FileFormatError(
            f"{path}: no [Term] in it; an OBO file of the Gene Ontology is needed"
        )
    return scan


def _tag_and_value(path: Path, number: int, line: str) -> tuple[str, str]:
    tag, colon, value = line.partition(":")
    if not colon or " " in tag:
        shown = line if len(line) <= 60 else f"{line[:60]}…"
        raise FileFormatError(f"{path}: line {number} is not OBO, expected 'tag: value': {shown!r}")
    return tag, value.strip()


def _declare(path: Path, scan: _Scan, value: str, number: int) -> str:
    term_id = value.split(" ! ")[0].strip()
    earlier = scan.first_line.setdefault(term_id, number)
    if earlier != number:
        raise OntologyError(
            f"{path}: term {term_id} is declared twice, on lines {earlier} and {number}; "
            "remove one of them"
        )
    return term_id


def _require_id(path: Path, stanza: str, term_id: str, line: int) -> None:
    if stanza == "[Term]" and not term_id:
        raise OntologyError(
            f"{path}: the [Term] on line {line} has no id; the file may be cut short"
        )


def _keep_term_line(
    path: Path, scan: _Scan, item: tuple[str, str, str, int], relations: frozenset[str]
) -> None:
    term_id, tag, value, number = item
    if tag == "def":
        quoted = _QUOTED.match(value)
        if not quoted:
            raise OntologyError(
                f"{path}: line {number}: the definition of {term_id} is not in double quotes"
            )
        scan.definitions[term_id] = _unescape(quoted.group(1))
    elif tag == "relationship":
        parts = value.split(" ! ")[0].split(" {")[0].split()
        if len(parts) != 2:
            raise OntologyError(
                f"{path}: line {number}: relationship {value!r} of {term_id} should be a relation "
                "and one id"
            )
        if parts[0] in relations:
            scan.lines.append(f"relationship: {parts[0]} {parts[1]}")
    elif tag in _TERM_TAGS:
        scan.lines.append(f"{tag}: {value}")


def _term(
    term_id: str,
    data: Mapping[str, Any],
    parents: Mapping[str, Mapping[str, Any]],
    definitions: Mapping[str, str],
) -> Term:
    for tag in ("name", "namespace"):
        if not data.get(tag):
            raise OntologyError(
                f"term {term_id} has no {tag}; the file may be cut short or not be of GO"
            )
    by_relation: dict[str, list[str]] = {}
    for parent, keys in parents.items():
        for relation in keys:
            by_relation.setdefault(relation, []).append(parent)
    return Term(
        id=term_id,
        name=_unescape(data["name"]),
        namespace=data["namespace"],
        definition=definitions.get(term_id, ""),
        alt_ids=tuple(data.get("alt_id", ())),
        obsolete=data.get("is_obsolete") == "true",
        replaced_by=tuple(data.get("replaced_by", ())),
        consider=tuple(data.get("consider", ())),
        **{relation: tuple(ids) for relation, ids in by_relation.items()},
    )


def _stanza(term: Term) -> Iterator[str]:
    yield "[Term]"
    yield f"id: {term.id}"
    yield f"name: {_escape(term.name)}"
    yield f"namespace: {term.namespace.value}"
    yield from (f"alt_id: {other}" for other in term.alt_ids)
    if term.definition:
        yield f'def: "{_escape(term.definition)}" []'
    yield from (f"is_a: {parent}" for parent in term.is_a)
    for relation in ("part_of", *REGULATES):
        yield from (f"relationship: {relation} {parent}" for parent in getattr(term, relation))
    if term.obsolete:
        yield "is_obsolete: true"
    yield from (f"replaced_by: {other}" for other in term.replaced_by)
    yield from (f"consider: {other}" for other in term.consider)


def _escape(text: str) -> str:
    # A space before '!' or '{' would start a comment or a modifier; a quote ends a definition.
    escaped = re.sub(r'[\\"!{}]', r"\\\g<0>", text)
    return escaped.replace("\n", "\\n").replace("\t", "\\t")


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda found: _UNESCAPES.get(found[1], found[1]), text)
