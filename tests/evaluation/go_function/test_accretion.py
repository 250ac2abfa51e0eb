"""Information accretion: by its definition, and as the parts of information content."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.errors import EvaluationError
from multiprot.evaluation.go_function import information_accretion
from multiprot.ontology import GeneOntology, Namespace, Term, information_content, term_matrix
from tests.evaluation.go_function.cafa import random_ontology, random_predictions


def _above(ontology: GeneOntology, terms: set[str]) -> set[str]:
    """The terms and their ancestors over is_a and part_of in the same namespace."""
    reached = set(terms)
    while True:
        more = reached.union(*(_parents(ontology, term) for term in reached))
        if more == reached:
            return reached
        reached = more


def _parents(ontology: GeneOntology, term_id: str) -> set[str]:
    term = ontology.term(term_id)
    return {p for p in term.is_a + term.part_of if ontology.namespace(p) == term.namespace}


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 2**32 - 1),
    proteins=st.integers(1, 30),
    pseudocount=st.sampled_from([0.0, 1.0]),
)
def test_it_is_the_surprise_of_a_term_given_its_parents(
    seed: int, proteins: int, pseudocount: float
) -> None:
    rng = np.random.default_rng(seed)
    ontology = random_ontology(rng, 15)
    truths = random_predictions(rng, ontology, proteins).truths
    stated = term_matrix(truths, ontology, propagate=False)
    found = information_accretion(stated, ontology, pseudocount=pseudocount)
    closed = [_above(ontology, true) for true in truths]
    for term, value in zip(ontology.term_ids, found, strict=True):
        space = ontology.namespace(term)
        parents = _parents(ontology, term)
        having = sum(term in true for true in closed) + pseudocount
        possible = pseudocount + sum(
            parents <= true and any(ontology.namespace(t) == space for t in true) for true in closed
        )
        expected = np.log2(possible / having) if having else np.inf
        assert value == pytest.approx(expected, abs=1e-12), term
    assert (found >= 0).all()


def test_in_a_tree_accretion_adds_up_to_information_content() -> None:
    parents = {1: 0, 2: 0, 3: 1, 4: 1, 5: 3}
    ids = [f"GO:000000{number}" for number in range(6)]
    ontology = GeneOntology.from_terms(
        Term(
            id=term,
            name=term,
            namespace=Namespace.PROCESS,
            is_a=(ids[parents[number]],) if number else (),
        )
        for number, term in enumerate(ids)
    )
    rng = np.random.default_rng(0)
    stated = [{ids[rng.integers(6)]} for _ in range(200)]
    propagated = term_matrix(stated, ontology)
    accretion = information_accretion(propagated, ontology)
    content = information_content(propagated, ontology)
    np.testing.assert_allclose(ontology.closure.astype(float) @ accretion, content)


def test_what_does_not_fit_is_refused() -> None:
    ontology = random_ontology(np.random.default_rng(0), 4)
    stated = term_matrix([{ontology.term_ids[0]}], ontology)
    with pytest.raises(EvaluationError, match="pseudocount -1 is negative"):
        information_accretion(stated, ontology, pseudocount=-1)
    with pytest.raises(EvaluationError, match="the matrix has 1 columns"):
        information_accretion(stated[:, :1], ontology)
