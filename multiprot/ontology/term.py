"""One GO term as an ontology file states it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from multiprot.errors import OntologyError
from multiprot.ontology.namespace import NAMESPACES, Namespace

RELATIONS: Final = (
    "is_a",
    "part_of",
    "regulates",
    "positively_regulates",
    "negatively_regulates",
)
"""Relations that can carry an annotation to a parent; the index is the value in arrays."""

REGULATES: Final = RELATIONS[2:]
"""Relations that are followed only on request."""

_WELL_FORMED_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*:[^\s:]+")
_TUPLES: Final = (*RELATIONS, "alt_ids", "replaced_by", "consider")


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term; tuples of ids are sorted and free of repeats, so that equal terms compare equal.

    Attributes
    ----------
    id
        For example ``GO:0003674``.
    name
        As the file gives it, without white space around it.
    namespace
        One of the three; a plain string is accepted.
    definition
        Text, empty where the file has none; the only line break in it is the newline.
    is_a, part_of, regulates, positively_regulates, negatively_regulates
        Ids of the parents.
    alt_ids
        Ids of terms that were merged into this one.
    obsolete
        The term is no longer in use.
    replaced_by, consider
        Ids that take an obsolete term's place: certainly, or after a curator's look.

    Raises
    ------
    OntologyError
        If the id is malformed, the name empty or the namespace not one of the three.
    """

    id: str
    name: str
    namespace: Namespace
    definition: str = ""
    is_a: tuple[str, ...] = ()
    part_of: tuple[str, ...] = ()
    regulates: tuple[str, ...] = ()
    positively_regulates: tuple[str, ...] = ()
    negatively_regulates: tuple[str, ...] = ()
    alt_ids: tuple[str, ...] = ()
    obsolete: bool = False
    replaced_by: tuple[str, ...] = ()
    consider: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _WELL_FORMED_ID.fullmatch(self.id):
            raise OntologyError(f"term id {self.id!r} is malformed; it should look like GO:0003674")
        if not self.name or self.name != self.name.strip() or len(self.name.splitlines()) > 1:
            raise OntologyError(
                f"term {self.id}: name {self.name!r} is empty, has white space around it or "
                "breaks the line"
            )
        if any(len(line.splitlines()) > 1 for line in self.definition.split("\n")):
            raise OntologyError(
                f"term {self.id}: its definition breaks the line with another character than \\n"
            )
        try:
            object.__setattr__(self, "namespace", Namespace(self.namespace))
        except ValueError:
            raise OntologyError(
                f"term {self.id}: namespace {self.namespace!r} is not one of "
                f"{', '.join(NAMESPACES)}"
            ) from None
        for field in _TUPLES:
            value = getattr(self, field)
            if value:
                object.__setattr__(self, field, tuple(sorted(set(value))))

    def parents(self) -> Iterator[tuple[int, str]]:
        """Pairs of an index in `RELATIONS` and a parent's id."""
        for index, relation in enumerate(RELATIONS):
            for parent in getattr(self, relation):
                yield index, parent
