from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import OntologyError
from multiprot.ontology import (
    NAMESPACES,
    GeneOntology,
    information_content,
    intrinsic_information,
    term_matrix,
)
from multiprot.ontology.information import term_counts


def test_counts_and_bits_by_hand(miniature: GeneOntology) -> None:
    sets = [["GO:0000010"], ["GO:0000012"], ["GO:0000001"], ["GO:0000001"]]
    propagated = term_matrix(sets, miniature)
    information = information_content(propagated, miniature)

    def bits(term: str) -> float:
        return float(information[miniature.row(term)])

    assert term_counts(propagated)[miniature.row("GO:0000001")] == 4
    assert bits("GO:0000001") == 0
    assert bits("GO:0000010") == 1
    assert bits("GO:0000011") == bits("GO:0000012") == 2
    # One protein in all has a process, so having it says nothing about a protein with a process.
    assert bits("GO:0000020") == 0
    assert bits("GO:0000021") == bits("GO:0000003") == np.inf


@given(data=st.data(), pseudocount=st.sampled_from([0.0, 0.5, 1.0]))
def test_information_grows_downwards_and_ignores_the_order_of_proteins(
    data: Any, pseudocount: float, ontologies: Any
) -> None:
    ontology: GeneOntology = data.draw(ontologies)
    sets = data.draw(st.lists(st.sets(st.sampled_from(ontology.term_ids)), min_size=1, max_size=6))
    information = information_content(
        term_matrix(sets, ontology), ontology, pseudocount=pseudocount
    )
    assert (information >= 0).all()
    assert np.isfinite(information).all() or pseudocount == 0
    child, parent = ontology.edges
    within = ontology.namespace_index[child] == ontology.namespace_index[parent]
    assert (information[child[within]] >= information[parent[within]]).all()
    shuffled = term_matrix(data.draw(st.permutations(sets)), ontology)
    again = information_content(shuffled, ontology, pseudocount=pseudocount)
    assert np.array_equal(information, again)


@given(data=st.data())
def test_it_is_minus_log2_of_the_share_within_the_namespace(data: Any, ontologies: Any) -> None:
    ontology: GeneOntology = data.draw(ontologies)
    sets = data.draw(st.lists(st.sets(st.sampled_from(ontology.term_ids)), min_size=1, max_size=6))
    information = information_content(term_matrix(sets, ontology), ontology)
    closed = [ontology.propagate(terms) for terms in sets]
    for namespace in NAMESPACES:
        total = sum(any(ontology.namespace(t) is namespace for t in terms) for terms in closed)
        for term in ontology.term_ids:
            count = sum(term in terms for terms in closed)
            if ontology.namespace(term) is namespace and count:
                assert information[ontology.row(term)] == pytest.approx(np.log2(total / count))


def test_misuse_is_refused(miniature: GeneOntology) -> None:
    stated = term_matrix([["GO:0000012"]], miniature, propagate=False)
    with pytest.raises(OntologyError, match="not propagated"):
        information_content(stated, miniature)
    with pytest.raises(OntologyError, match="3 columns, the ontology 8"):
        information_content(stated[:, :3], miniature)
    with pytest.raises(OntologyError, match="pseudocount -1"):
        information_content(stated, miniature, pseudocount=-1)


@given(data=st.data())
def test_intrinsic_information_counts_descendants_of_the_namespace(
    data: Any, ontologies: Any
) -> None:
    """Term by term from sets of ids; it never falls on the way down."""
    ontology: GeneOntology = data.draw(ontologies)
    information = intrinsic_information(ontology)
    spaces = {term: ontology.namespace(term) for term in ontology.term_ids}
    for row, term in enumerate(ontology.term_ids):
        kin = [t for t in ontology.term_ids if spaces[t] is spaces[term]]
        below = sum(t in kin for t in ontology.descendants(term))
        expected = 1 - np.log(below + 1) / np.log(len(kin)) if len(kin) > 1 else 0.0
        assert information[row] == pytest.approx(expected, abs=1e-12)
    assert ((information >= 0) & (information <= 1)).all()
    child, parent = ontology.edges
    within = ontology.namespace_index[child] == ontology.namespace_index[parent]
    assert (information[child[within]] >= information[parent[within]]).all()


def test_intrinsic_information_of_roots_and_leaves(miniature: GeneOntology) -> None:
    information = intrinsic_information(miniature)
    leaves = [t for t in miniature.term_ids if not miniature.descendants(t)]
    sizes = np.bincount(miniature.namespace_index)[miniature.namespace_index]
    for leaf in leaves:
        row = miniature.row(leaf)
        assert information[row] == (1.0 if sizes[row] > 1 else 0.0)
    assert information[miniature.row("GO:0000001")] == 0.0
