from __future__ import annotations

import pytest

from multiprot.errors import ObsoleteTermError, OntologyError, UnknownTermError
from multiprot.ontology import GeneOntology, Namespace, Term
from multiprot.ontology.identifiers import nearest_ids


def term(number: int, **changes: object) -> Term:
    values = {"id": f"GO:{number:07d}", "name": "x", "namespace": Namespace.FUNCTION}
    return Term(**(values | changes))  # type: ignore[arg-type]


def test_live_alternative_and_replaced_ids(miniature: GeneOntology) -> None:
    assert miniature.resolve("GO:0000011") == "GO:0000011"
    assert miniature.resolve("GO:0000092") == "GO:0000011"
    assert miniature.resolve("GO:0000081") == "GO:0000011"


def test_a_chain_of_replacements_is_followed(miniature: GeneOntology) -> None:
    assert miniature.resolve("GO:0000080") == "GO:0000011"
    assert miniature.row("GO:0000080") == miniature.row("GO:0000011")


def test_an_obsolete_term_with_candidates_names_them(miniature: GeneOntology) -> None:
    with pytest.raises(ObsoleteTermError, match=r"GO:0000082.*GO:0000020, GO:0000021") as caught:
        miniature.resolve("GO:0000082")
    assert caught.value.candidates == ("GO:0000020", "GO:0000021")


def test_an_obsolete_term_without_heir_says_so(miniature: GeneOntology) -> None:
    with pytest.raises(ObsoleteTermError, match=r"GO:0000083 \(obsolete without heir\)") as caught:
        miniature.resolve("GO:0000083")
    assert caught.value.candidates == ()


def test_two_replacements_are_candidates_and_not_a_choice() -> None:
    ontology = GeneOntology.from_terms(
        [
            term(1),
            term(2),
            term(3, obsolete=True, replaced_by=("GO:0000001", "GO:0000002")),
            term(4, obsolete=True, replaced_by=("GO:0000003",)),
        ]
    )
    with pytest.raises(ObsoleteTermError, match="GO:0000004 -> GO:0000003") as caught:
        ontology.resolve("GO:0000004")
    assert caught.value.candidates == ("GO:0000001", "GO:0000002")


def test_replacements_in_a_circle_end() -> None:
    ontology = GeneOntology.from_terms(
        [
            term(1),
            term(2, obsolete=True, replaced_by=("GO:0000003",)),
            term(3, obsolete=True, replaced_by=("GO:0000002",)),
        ]
    )
    with pytest.raises(ObsoleteTermError, match="leads back"):
        ontology.resolve("GO:0000002")


def test_a_replacement_that_is_not_there_is_named() -> None:
    ontology = GeneOntology.from_terms(
        [term(1), term(2, obsolete=True, replaced_by=("GO:0000009",))], release="r7"
    )
    with pytest.raises(ObsoleteTermError, match=r"GO:0000002 .* GO:0000009 is not in release r7"):
        ontology.resolve("GO:0000002")


def test_an_alternative_id_of_a_live_term_wins_over_its_own_obsolete_stanza() -> None:
    ontology = GeneOntology.from_terms([term(1, alt_ids=("GO:0000002",)), term(2, obsolete=True)])
    assert ontology.resolve("GO:0000002") == "GO:0000001"


def test_an_alternative_id_must_have_one_owner() -> None:
    with pytest.raises(OntologyError, match="GO:0000009 belongs to both GO:0000001 and GO:0000002"):
        GeneOntology.from_terms(
            [term(2, alt_ids=("GO:0000009",)), term(1, alt_ids=("GO:0000009",))]
        )


def test_an_alternative_id_must_not_be_a_live_term() -> None:
    with pytest.raises(OntologyError, match="GO:0000001: its alternative id GO:0000002"):
        GeneOntology.from_terms([term(1, alt_ids=("GO:0000002",)), term(2)])


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("GO:0000013", "GO:0000003, GO:0000010, GO:0000011"),
        ("GO:0000101", "GO:0000001"),
        ("GO:0000201", "GO:0000001"),
        ("GO_0000012", "malformed.*GO:0000012"),
        ("go:0000012", "malformed.*GO:0000012"),
        ("12", "malformed.*GO:0000012"),
        ("GO:12", "malformed.*GO:0000012"),
        ("GO:7654321", "another release"),
        ("kinase activity", "another release"),
    ],
)
def test_an_unknown_id_comes_with_advice(miniature: GeneOntology, given: str, advice: str) -> None:
    with pytest.raises(UnknownTermError, match=advice) as caught:
        miniature.resolve(given)
    assert repr(given) in str(caught.value)
    assert "releases/2024-01-01" in str(caught.value)


def test_neighbouring_digits_in_the_wrong_order_are_a_slip() -> None:
    known = {"GO:0003674", "GO:0008150"}.__contains__
    assert nearest_ids("GO:0003647", known) == ("GO:0003674",)
    assert nearest_ids("GO:0006374", known) == ("GO:0003674",)
    assert nearest_ids("GO:0004673", known) == ()


def test_slips_are_few_so_that_skipping_thousands_of_unknown_ids_is_quick() -> None:
    asked: list[str] = []

    def known(other: str) -> bool:
        asked.append(other)
        return False

    assert nearest_ids("GO:1234567", known) == ()
    assert len(asked) == len(set(asked)) == 7 * 9 + 9
