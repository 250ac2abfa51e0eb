"""Which GO terms are asked for: ids that people write, checked against what a model knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from multiprot.errors import (
    FileFormatError,
    ObsoleteTermError,
    OntologyError,
    SearchError,
    UnknownTermError,
)
from multiprot.files import read_lines
from multiprot.ontology import GeneOntology

_COMMENT = "#"


@dataclass(frozen=True, slots=True)
class TermSelection:
    """Terms that are asked for.

    Attributes
    ----------
    learnt
        Ids of terms that have a calibration of their own, in the order asked.
    unseen
        Ids of terms that the model has not learnt, in the order asked.
    """

    learnt: tuple[str, ...]
    unseen: tuple[str, ...]

    @property
    def term_ids(self) -> frozenset[str]:
        """All of them."""
        return frozenset(self.learnt + self.unseen)

    @classmethod
    def of(
        cls,
        named: Iterable[tuple[str, str]],
        ontology: GeneOntology,
        learnt: Collection[str],
        *,
        zero_shot: bool = False,
    ) -> TermSelection:
        """Check ids; none is replaced silently.

        Parameters
        ----------
        named
            Where each id was read, and the id. An id that comes twice counts once.
        ontology
            That of the model.
        learnt
            Ids that the model has learnt.
        zero_shot
            Accept others.

        Raises
        ------
        ObsoleteTermError, UnknownTermError
            If an id is no live term; names the place and, where there is one, the replacement.
        SearchError
            If a term is a root, or is not among `learnt` without `zero_shot`, or none is given.
        """
        found: dict[str, bool] = {}
        for place, term_id in named:
            _refuse_dead(place, term_id, ontology)
            if term_id in ontology.roots:
                raise SearchError(
                    f"{place}: {term_id} ({ontology.name(term_id)}) is a root, which is true of "
                    "every protein; leave it out"
                )
            found[term_id] = term_id in learnt
            if not (found[term_id] or zero_shot):
                raise SearchError(
                    f"{place}: {term_id} ({ontology.name(term_id)}) was too rare in training to be "
                    "learnt; add --zero-shot to have it guessed, or leave it out"
                )
        if not found:
            raise SearchError("no GO term is named; name one, such as GO:0005524")
        return cls(
            learnt=tuple(term_id for term_id, known in found.items() if known),
            unseen=tuple(term_id for term_id, known in found.items() if not known),
        )


def read_term_list(path: Path) -> Iterator[tuple[str, str]]:
    """GO ids of a text file with one id a line, each with the place where it stands.

    Blank lines, and what follows a "#", are passed over.

    Raises
    ------
    FileFormatError
        If the file cannot be read or holds no id.
    """
    found = False
    for number, line in enumerate(read_lines(path), start=1):
        term_id = line.partition(_COMMENT)[0].strip()
        if term_id:
            found = True
            yield f"{path}: line {number}", term_id
    if not found:
        raise FileFormatError(f"{path}: holds no GO id; write one id a line, such as GO:0005524")


def _refuse_dead(place: str, term_id: str, ontology: GeneOntology) -> None:
    try:
        ontology.live_row(term_id)
    except ObsoleteTermError as error:
        raise ObsoleteTermError(f"{place}: {error}", error.candidates) from None
    except UnknownTermError as error:
        raise UnknownTermError(f"{place}: {error}") from None
    except OntologyError as error:
        raise OntologyError(f"{place}: {error}") from None
