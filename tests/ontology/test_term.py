from __future__ import annotations

from typing import Any

import pytest

from multiprot.errors import OntologyError
from multiprot.ontology import NAMESPACES, RELATIONS, Namespace, Term
from multiprot.ontology.namespace import ASPECTS


def make(**changes: Any) -> Term:
    values: dict[str, Any] = {"id": "GO:0000001", "name": "x", "namespace": Namespace.FUNCTION}
    return Term(**(values | changes))


@pytest.mark.parametrize("bad", ["", "0003674", "GO:", "GO: 1", "GO:1 2", "GO:1:2", "go 3", "\n"])
def test_a_malformed_id_is_refused_with_its_value(bad: str) -> None:
    with pytest.raises(OntologyError, match="malformed") as caught:
        make(id=bad)
    assert repr(bad) in str(caught.value)


@pytest.mark.parametrize("bad", ["", " x", "x\n", "x\ny", "x\u2028y"])
def test_a_name_must_have_text_and_no_white_space_around(bad: str) -> None:
    with pytest.raises(OntologyError, match="GO:0000001: name"):
        make(name=bad)


def test_a_definition_may_hold_newlines_and_no_other_break() -> None:
    assert make(definition="a\nb\n").definition == "a\nb\n"
    with pytest.raises(OntologyError, match="GO:0000001: its definition"):
        make(definition="a\rb")


def test_a_foreign_namespace_is_refused_naming_the_three() -> None:
    with pytest.raises(OntologyError, match=r"GO:0000001.*'external'.*molecular_function"):
        make(namespace="external")


def test_a_plain_string_becomes_a_namespace() -> None:
    assert make(namespace="biological_process").namespace is Namespace.PROCESS


@pytest.mark.parametrize("field", [*RELATIONS, "alt_ids", "replaced_by", "consider"])
def test_order_and_repeats_of_ids_do_not_matter(field: str) -> None:
    assert make(**{field: ("GO:2", "GO:1", "GO:2")}) == make(**{field: ("GO:1", "GO:2")})


def test_parents_come_with_the_index_of_their_relation() -> None:
    term = make(is_a=("GO:7",), negatively_regulates=("GO:8",))
    assert [(RELATIONS[index], parent) for index, parent in term.parents()] == [
        ("is_a", "GO:7"),
        ("negatively_regulates", "GO:8"),
    ]


def test_every_namespace_has_a_letter_and_an_abbreviation() -> None:
    for namespace in NAMESPACES:
        assert sum(target is namespace for target in ASPECTS.values()) == 3
