"""From any GO id in circulation to the live term it stands for today."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from multiprot.errors import ObsoleteTermError, OntologyError, UnknownTermError
from multiprot.ontology.term import Term

_GO_ID: Final = re.compile(r"GO:\d{7}")
_DIGITS: Final = 7


def alternative_ids(terms: Mapping[str, Term]) -> dict[str, str]:
    """Alternative id -> id of the live term that carries it.

    Raises
    ------
    OntologyError
        If two live terms carry the same one, or it is itself the id of a live term.
    """
    owners: dict[str, str] = {}
    for term in terms.values():
        if term.obsolete:
            continue
        for other in term.alt_ids:
            primary = terms.get(other)
            if primary is not None and not primary.obsolete:
                raise OntologyError(
                    f"term {term.id}: its alternative id {other} is itself a live term; "
                    "remove one of them"
                )
            earlier = owners.setdefault(other, term.id)
            if earlier != term.id:
                raise OntologyError(
                    f"alternative id {other} belongs to both {earlier} and {term.id}; "
                    "remove it from one of them"
                )
    return owners


def replacement(
    term_id: str, terms: Mapping[str, Term], alternatives: Mapping[str, str], release: str
) -> str:
    """Id of the live term that `term_id` stands for: itself, its merger or its successor.

    Parameters
    ----------
    term_id
        Any id.
    terms
        Id -> term, live and obsolete.
    alternatives
        Alternative id -> live id.
    release
        Named in errors.

    Raises
    ------
    ObsoleteTermError
        If the id, or a successor of it, is obsolete without a single successor.
    UnknownTermError
        If the id is not in this release.
    """
    current, path = term_id, [term_id]
    while True:
        current = alternatives.get(current, current)
        term = terms.get(current)
        if term is None:
            raise _unknown(term_id, path, terms, alternatives, release)
        if not term.obsolete:
            return current
        if len(term.replaced_by) != 1 or term.replaced_by[0] in path:
            raise _obsolete(path, term)
        current = term.replaced_by[0]
        path.append(current)


def _obsolete(path: list[str], term: Term) -> ObsoleteTermError:
    candidates = term.replaced_by or term.consider
    via = f" (reached through {' -> '.join(path)})" if len(path) > 1 else ""
    if term.replaced_by and term.replaced_by[0] in path:
        advice = "its replaced_by leads back to itself; fix the ontology file"
        candidates = ()
    elif candidates:
        advice = f"use one of {', '.join(candidates)} instead"
    else:
        advice = "the ontology suggests no other term; remove it"
    return ObsoleteTermError(f"{term.id} ({term.name}){via} is obsolete; {advice}", candidates)


def _unknown(
    term_id: str,
    path: list[str],
    terms: Mapping[str, Term],
    alternatives: Mapping[str, str],
    release: str,
) -> OntologyError:
    if len(path) > 1:
        return ObsoleteTermError(
            f"{path[-2]} is obsolete and its replacement {path[-1]} is not in release {release}"
        )
    well_formed = bool(_GO_ID.fullmatch(term_id)) or not re.match(r"(?i)(go\W?_?)?\d", term_id)
    fault = "" if well_formed else " is malformed and"
    near = nearest_ids(term_id, lambda other: other in terms or other in alternatives)
    if near:
        advice = f"the nearest known is {', '.join(near)}"
    else:
        advice = "the id may come from another release of GO; use the ontology it was made with"
    return UnknownTermError(f"{term_id!r}{fault} is not in release {release}; {advice}")


def nearest_ids(term_id: str, known: Callable[[str], bool]) -> tuple[str, ...]:
    """Up to three known ids that differ from `term_id` by spelling, one digit or one swap."""
    digits = re.sub(r"\D", "", term_id)
    padded = f"GO:{digits:0>{_DIGITS}}"
    if digits and padded != term_id and known(padded):
        return (padded,)
    return tuple(sorted(other for other in set(_slips(term_id)) if known(other))[:3])


def _slips(term_id: str) -> Iterator[str]:
    """Ids one wrong digit or one swap away: far fewer than the ids of an ontology."""
    for place, letter in enumerate(term_id):
        before, after = term_id[:place], term_id[place + 1 :]
        if letter.isdigit():
            yield from (before + digit + after for digit in string.digits if digit != letter)
        if after and after[0] != letter:
            yield before + after[0] + letter + after[1:]
