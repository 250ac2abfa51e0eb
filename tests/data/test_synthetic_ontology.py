from __future__ import annotations

import pytest

from multiprot.data.synthetic_ontology import family_terms, mini_ontology
from multiprot.ontology import NAMESPACES, Namespace


@pytest.mark.parametrize("families", [1, 2, 5, 16, 30])
def test_it_is_an_ontology_of_three_namespaces(families: int) -> None:
    ontology = mini_ontology(families)
    assert [ontology.namespace(root) for root in sorted(ontology.roots)] == [
        Namespace.FUNCTION,
        Namespace.COMPONENT,
        Namespace.PROCESS,
    ]
    assert ontology.depth.max() >= 2
    assert (ontology.edge_relations == 0).any()
    assert (ontology.edge_relations == 1).any()


def test_the_default_size_is_a_few_dozen_terms() -> None:
    assert 40 <= len(mini_ontology(16)) <= 80


def test_families_have_terms_of_each_namespace() -> None:
    ontology = mini_ontology(16)
    for family in range(16):
        terms = family_terms(family)
        assert list(terms) == list(NAMESPACES)
        for namespace, term in terms.items():
            assert ontology.namespace(term) == namespace


def test_functions_tell_families_apart_and_their_class_tells_folds() -> None:
    ontology = mini_ontology(16)
    functions = [family_terms(family)[Namespace.FUNCTION] for family in range(16)]
    assert len(set(functions)) == 16
    parents = [ontology.term(function).is_a for function in functions]
    assert parents[0] == parents[4] != parents[1]


def test_part_of_leads_from_functions_to_processes() -> None:
    ontology = mini_ontology(16)
    for family in range(16):
        terms = family_terms(family)
        assert terms[Namespace.PROCESS] in ontology.ancestors(terms[Namespace.FUNCTION])


def test_the_same_families_give_the_same_ontology() -> None:
    assert mini_ontology(8).content_hash == mini_ontology(8).content_hash
    assert mini_ontology(8).content_hash != mini_ontology(9).content_hash
