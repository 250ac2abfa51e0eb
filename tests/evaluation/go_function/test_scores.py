"""Scores rise to ancestors within a namespace, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.errors import EvaluationError, UnknownTermError
from multiprot.evaluation.go_function import propagated_scores, score_matrix
from multiprot.evaluation.go_function.namespace_graph import namespace_graphs
from multiprot.ontology import GeneOntology, Namespace, Term
from tests.evaluation.go_function.cafa import random_ontology, random_predictions


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), proteins=st.integers(1, 150))
def test_a_term_has_the_highest_score_below_it(seed: int, proteins: int) -> None:
    rng = np.random.default_rng(seed)
    ontology = random_ontology(rng, 15)
    scores = score_matrix(random_predictions(rng, ontology, proteins).scores, ontology)
    dense, raised = scores.toarray(), propagated_scores(scores, ontology).toarray()
    for graph in namespace_graphs(ontology).values():
        below = graph.closure.toarray()
        expected = (dense[:, graph.rows, None] * below).max(axis=1)
        np.testing.assert_array_equal(raised[:, graph.rows], expected)


def test_regulates_and_other_namespaces_carry_nothing() -> None:
    ontology = GeneOntology.from_terms(
        [
            Term(id="GO:1", name="process", namespace=Namespace.PROCESS),
            Term(id="GO:2", name="deeper", namespace=Namespace.PROCESS, is_a=("GO:1",)),
            Term(
                id="GO:3",
                name="regulation",
                namespace=Namespace.PROCESS,
                is_a=("GO:1",),
                regulates=("GO:2",),
            ),
            Term(id="GO:4", name="f", namespace=Namespace.FUNCTION, part_of=("GO:2",)),
        ]
    )
    scores = score_matrix([{"GO:3": 0.7, "GO:4": 0.9}], ontology)
    assert propagated_scores(scores, ontology).toarray().tolist() == [[0.7, 0.0, 0.7, 0.9]]


def test_edges_stand_behind_those_that_end_in_their_child() -> None:
    ontology = random_ontology(np.random.default_rng(1), 40)
    for graph in namespace_graphs(ontology).values():
        done: set[int] = set()
        for child, parent in graph.edges.T.tolist():
            assert parent not in done
            done.add(child)


def test_two_ids_of_one_term_give_the_higher_score() -> None:
    ontology = GeneOntology.from_terms(
        [Term(id="GO:1", name="one", namespace=Namespace.FUNCTION, alt_ids=("GO:9",))]
    )
    assert score_matrix([{"GO:1": 0.2, "GO:9": 0.6}, {}], ontology).toarray().tolist() == [
        [0.6],
        [0.0],
    ]


@pytest.mark.parametrize("score", [-0.1, 1.01, float("nan")])
def test_a_score_is_a_probability(score: float) -> None:
    ontology = GeneOntology.from_terms([Term(id="GO:1", name="one", namespace=Namespace.FUNCTION)])
    with pytest.raises(EvaluationError, match=r"of GO:1 for protein number 1 is not from 0 to 1"):
        score_matrix([{}, {"GO:1": score}], ontology)
    with pytest.raises(UnknownTermError):
        score_matrix([{"GO:2": 0.5}], ontology)
