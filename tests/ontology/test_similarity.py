from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.errors import OntologyError
from multiprot.ontology import (
    NAMESPACES,
    GeneOntology,
    Namespace,
    SemanticSimilarity,
    information_content,
    term_matrix,
)

Sets = list[frozenset[str]]


@st.composite
def cases(draw: st.DrawFn, ontologies: Any) -> tuple[SemanticSimilarity, Sets]:
    ontology: GeneOntology = draw(ontologies)
    drawn = st.frozensets(st.sampled_from(ontology.term_ids), max_size=4)
    sets = draw(st.lists(drawn, min_size=1, max_size=5))
    information = information_content(term_matrix(sets, ontology), ontology, pseudocount=1)
    return SemanticSimilarity(ontology=ontology, information=information), sets


def slow_resnik(case: SemanticSimilarity, first: str, second: str) -> float:
    ontology = case.ontology
    space = ontology.namespace(first)
    if ontology.namespace(second) is not space:
        return float("nan")
    common = ontology.propagate([first]) & ontology.propagate([second])
    bits = [case.information[ontology.row(t)] for t in common if ontology.namespace(t) is space]
    return float(max(bits, default=0.0))


def slow_lin(case: SemanticSimilarity, first: str, second: str) -> float:
    own = sum(case.information[case.ontology.row(term)] for term in (first, second))
    shared = slow_resnik(case, first, second)
    return 2 * shared / own if own else shared + float(first == second)


def slow_best_match(
    case: SemanticSimilarity, first: frozenset[str], second: frozenset[str], space: Namespace
) -> float:
    left = [term for term in first if case.ontology.namespace(term) is space]
    right = [term for term in second if case.ontology.namespace(term) is space]
    if not left or not right:
        return float("nan")
    best = [max(slow_lin(case, a, b) for b in right) for a in left]
    best += [max(slow_lin(case, a, b) for a in left) for b in right]
    return sum(best) / len(best)


def slow_simgic(case: SemanticSimilarity, first: frozenset[str], second: frozenset[str]) -> float:
    left, right = case.ontology.propagate(first), case.ontology.propagate(second)
    rows = case.ontology.row
    either = sum(case.information[rows(term)] for term in left | right)
    shared = sum(case.information[rows(term)] for term in left & right)
    return shared / either if either else float("nan")


def table(values: list[list[float]]) -> np.ndarray:
    return np.array(values).reshape(len(values), -1)


@given(data=st.data())
@settings(deadline=None)
def test_every_number_equals_the_plain_formula(data: Any, ontologies: Any) -> None:
    case, sets = data.draw(cases(ontologies))
    terms = case.ontology.term_ids
    resnik = table([[slow_resnik(case, a, b) for b in terms] for a in terms])
    lin = table([[slow_lin(case, a, b) for b in terms] for a in terms])
    np.testing.assert_allclose(case.resnik(terms, terms), resnik, rtol=1e-12)
    np.testing.assert_allclose(case.lin(terms, terms), lin, rtol=1e-12)
    simgic = table([[slow_simgic(case, a, b) for b in sets] for a in sets])
    np.testing.assert_allclose(case.simgic(sets, sets), simgic, rtol=1e-12)
    for space in NAMESPACES:
        best = table([[slow_best_match(case, a, b, space) for b in sets] for a in sets])
        np.testing.assert_allclose(case.best_match_average(sets, sets, space), best, rtol=1e-12)


@given(data=st.data())
@settings(deadline=None)
def test_symmetry_bounds_diagonal_and_order(data: Any, ontologies: Any) -> None:
    case, sets = data.draw(cases(ontologies))
    terms = case.ontology.term_ids
    order = data.draw(st.permutations(range(len(sets))))
    shuffled = [sets[i] for i in order]
    kinds = [case.simgic, *(whole(case, space) for space in NAMESPACES)]
    for similarity in kinds:
        values = similarity(sets, sets)
        assert np.array_equal(values, similarity(sets, list(sets)), equal_nan=True)
        np.testing.assert_allclose(values, values.T, rtol=1e-12)
        known = values[~np.isnan(values)]
        assert ((known >= 0) & (known <= 1 + 1e-12)).all()
        diagonal = np.diag(values)
        np.testing.assert_allclose(diagonal[~np.isnan(diagonal)], 1, rtol=1e-12)
        again = similarity(shuffled, shuffled)
        np.testing.assert_allclose(again, values[np.ix_(order, order)], rtol=1e-12)
    lin = case.lin(terms, terms)
    assert np.array_equal(lin, lin.T, equal_nan=True)
    assert (np.diag(lin) == 1).all()


def whole(case: SemanticSimilarity, space: Namespace) -> Any:
    return lambda first, second: case.best_match_average(first, second, space)


def test_simgic_of_a_namespace_looks_at_its_terms_only(miniature: GeneOntology) -> None:
    drawn = [{"GO:0000010"}, {"GO:0000010", "GO:0000021"}, {"GO:0000020"}]
    sets = [frozenset(terms) for terms in drawn]
    propagated = term_matrix([*sets, frozenset({"GO:0000011"})], miniature)
    case = SemanticSimilarity(
        ontology=miniature, information=information_content(propagated, miniature, pseudocount=1)
    )
    assert case.simgic(sets, sets, Namespace.FUNCTION)[0, 1] == 1
    assert case.simgic(sets, sets)[0, 1] < 1
    assert np.isnan(case.simgic(sets, sets, Namespace.COMPONENT)).all()
    assert case.simgic(sets, sets, Namespace.FUNCTION)[0, 2] == 0


def test_first_and_second_may_differ_in_number(miniature: GeneOntology) -> None:
    flat = SemanticSimilarity(ontology=miniature, information=np.ones(len(miniature)))
    sets = [frozenset({"GO:0000010"}), frozenset({"GO:0000011"}), frozenset()]
    assert flat.simgic(sets, sets[:1]).shape == (3, 1)
    assert flat.best_match_average(sets[:2], sets, Namespace.FUNCTION).shape == (2, 3)
    assert flat.resnik(["GO:0000010"], []).shape == (1, 0)


def test_retired_ids_are_mapped(miniature: GeneOntology) -> None:
    flat = SemanticSimilarity(ontology=miniature, information=np.ones(len(miniature)))
    assert flat.lin(["GO:0000080"], ["GO:0000011"])[0, 0] == 1


def test_terms_without_information_are_refused(miniature: GeneOntology) -> None:
    information = information_content(term_matrix([["GO:0000010"]], miniature), miniature)
    case = SemanticSimilarity(ontology=miniature, information=information)
    unseen = [frozenset({"GO:0000011"})]
    calls: list[Any] = [
        lambda: case.resnik(["GO:0000011"], ["GO:0000010"]),
        lambda: case.lin(["GO:0000010"], ["GO:0000011"]),
        lambda: case.simgic(unseen, unseen),
        lambda: case.best_match_average(unseen, unseen, Namespace.FUNCTION),
    ]
    for call in calls:
        with pytest.raises(OntologyError, match=r"^GO:\d{7} has no .*pseudocount=1"):
            call()
    assert case.resnik(["GO:0000010"], ["GO:0000010"]).item() == 0


def test_information_of_another_ontology_is_refused(miniature: GeneOntology) -> None:
    with pytest.raises(OntologyError, match=r"shape \(3,\), the ontology 8 terms"):
        SemanticSimilarity(ontology=miniature, information=np.ones(3))
