"""Which terms are asked for: live ids only, and learnt ones unless guesses are wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiprot.errors import (
    FileFormatError,
    ObsoleteTermError,
    SearchError,
    UnknownTermError,
)
from multiprot.ontology import GeneOntology, Namespace, Term
from multiprot.search.zero_shot import TermSelection, read_term_list

ROOT, BINDING, ATP, OLD, GONE = (f"GO:000000{n}" for n in range(1, 6))
ONTOLOGY = GeneOntology.from_terms(
    [
        Term(id=ROOT, name="function", namespace=Namespace.FUNCTION),
        Term(id=BINDING, name="binding", namespace=Namespace.FUNCTION, is_a=(ROOT,)),
        Term(
            id=ATP,
            name="ATP binding",
            namespace=Namespace.FUNCTION,
            is_a=(BINDING,),
            alt_ids=("GO:0000009",),
        ),
        Term(
            id=OLD,
            name="old binding",
            namespace=Namespace.FUNCTION,
            obsolete=True,
            replaced_by=(BINDING,),
        ),
        Term(
            id=GONE,
            name="vague binding",
            namespace=Namespace.FUNCTION,
            obsolete=True,
            consider=(BINDING, ATP),
        ),
    ]
)


def select(*ids: str, zero_shot: bool = False) -> TermSelection:
    named = ((f"here {number}", term_id) for number, term_id in enumerate(ids))
    return TermSelection.of(named, ONTOLOGY, {BINDING}, zero_shot=zero_shot)


def test_learnt_and_unseen_in_the_order_asked() -> None:
    found = select(ATP, BINDING, ATP, zero_shot=True)
    assert (found.learnt, found.unseen) == ((BINDING,), (ATP,))
    assert found.term_ids == {ATP, BINDING}


@pytest.mark.parametrize("term_id", [OLD, "GO:0000009"])
def test_a_retired_id_names_its_replacement(term_id: str) -> None:
    heir = {OLD: BINDING, "GO:0000009": ATP}[term_id]
    with pytest.raises(ObsoleteTermError, match=rf"here 1: {term_id}.*use {heir}") as caught:
        select(BINDING, term_id)
    assert caught.value.candidates == (heir,)


def test_a_retired_id_without_heir_names_what_comes_near() -> None:
    with pytest.raises(ObsoleteTermError, match=f"{BINDING}, {ATP}"):
        select(GONE)


def test_an_unknown_id() -> None:
    with pytest.raises(UnknownTermError, match=r"here 0: 'GO:7777777' is not in release"):
        select("GO:7777777")


def test_roots_unlearnt_and_nothing_are_refused() -> None:
    with pytest.raises(SearchError, match=f"here 1: {ROOT} .* root"):
        select(BINDING, ROOT)
    with pytest.raises(SearchError, match=rf"{ATP} \(ATP binding\) .*--zero-shot"):
        select(ATP)
    with pytest.raises(SearchError, match="no GO term is named"):
        select()


def test_a_list_with_comments(tmp_path: Path) -> None:
    path = tmp_path / "terms.txt"
    path.write_text(f"# mine\n{BINDING}\n\n  {ATP}  # the good one\r\n")
    found = list(read_term_list(path))
    assert found == [(f"{path}: line 2", BINDING), (f"{path}: line 4", ATP)]


def test_an_empty_list(tmp_path: Path) -> None:
    (tmp_path / "terms.txt").write_text("# nothing\n\n")
    with pytest.raises(FileFormatError, match="holds no GO id"):
        list(read_term_list(tmp_path / "terms.txt"))
