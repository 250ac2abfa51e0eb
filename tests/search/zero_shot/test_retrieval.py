"""Proteins of a term are ranked by the same numbers as terms of a protein."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.bundle import Bundle
from multiprot.errors import SearchError
from multiprot.evaluation.calibration import IsotonicCalibrator
from multiprot.ontology import NAMESPACES
from multiprot.search.zero_shot import (
    Annotator,
    ProteinVectors,
    TermCalibration,
    TermSelection,
    proteins_of_terms,
    readout_hash,
)
from tests.search.zero_shot.models import (
    UNSEEN_LEAF,
    cosine_table,
    learnt_ids,
    proteins,
    reference,
    unit_vectors,
)
from tests.tiny_model import tiny_ontology

CLASS = "GO:9100000"


def parts_of(whole: ProteinVectors, sizes: list[int]) -> list[ProteinVectors]:
    edges = np.cumsum([0, *sizes])
    rows = np.arange(len(whole.ids))
    return [whole.picked(rows[a:b]) for a, b in itertools.pairwise(edges)]


def test_ranks_agree_with_plain_cosines(bundle: Bundle) -> None:
    """A term without learnt descendants ranks by cosine alone, any other by the best below it."""
    ontology, vectors = tiny_ontology(), unit_vectors(12)
    leaf = next(
        t for t in learnt_ids(ontology) if not ontology.descendants(t) & set(learnt_ids(ontology))
    )
    annotator = Annotator.of_bundle(bundle)
    found = proteins_of_terms(annotator, [leaf, CLASS], [proteins(vectors)], min_probability=0.0)
    cosines = np.array([cosine_table(bundle, [leaf], vector)[0] for vector in vectors])
    of_leaf = [p for p in found if p.term == leaf]
    assert [p.protein for p in of_leaf] == [f"p{row}" for row in np.argsort(-cosines)]
    np.testing.assert_allclose([p.cosine for p in of_leaf], np.sort(cosines)[::-1], atol=1e-6)
    likely = np.array([reference(bundle, vector)[CLASS] for vector in vectors])
    of_class = [p for p in found if p.term == CLASS]
    assert [p.protein for p in of_class] == [f"p{row}" for row in np.argsort(-likely)]
    assert [p.rank for p in of_class] == list(range(1, 13))
    assert {p.name for p in of_class} == {ontology.name(CLASS)}


def test_both_directions_give_one_number(bundle: Bundle) -> None:
    vectors = unit_vectors(8)
    annotator = Annotator.of_bundle(bundle, TermSelection(learnt=(), unseen=(UNSEEN_LEAF,)))
    of_protein = {
        (f"p{row}", term.term): (term.probability, term.basis)
        for row, terms in enumerate(annotator.annotate(vectors, min_probability=0.0))
        for term in terms
    }
    found = proteins_of_terms(
        annotator, annotator.term_ids, [proteins(vectors)], min_probability=0.0
    )
    assert {(p.protein, p.term): (p.probability, p.basis) for p in found} == of_protein


@given(
    data=st.data(),
    top=st.integers(1, 12) | st.none(),
    least=st.sampled_from([0.0, 0.2, 0.5]),
)
@settings(deadline=None, max_examples=25)
def test_the_best_are_the_best_in_any_parts(
    bundle: Bundle, data: st.DataObject, top: int | None, least: float
) -> None:
    annotator, whole = Annotator.of_bundle(bundle), proteins(unit_vectors(30, seed=4))
    everything = proteins_of_terms(annotator, [CLASS], [whole], min_probability=0.0)
    sizes = data.draw(st.lists(st.integers(0, 9), min_size=4, max_size=8))
    sizes.append(max(0, 30 - sum(sizes)))
    found = proteins_of_terms(
        annotator, [CLASS], parts_of(whole, sizes), min_probability=least, top=top
    )
    assert found == [p for p in everything if p.probability >= least][:top]


def test_only_the_best_are_kept_on_the_way(bundle: Bundle) -> None:
    """More proteins than are remembered at a time."""
    annotator, whole = Annotator.of_bundle(bundle), proteins(unit_vectors(1500, seed=2))
    everything = proteins_of_terms(annotator, [CLASS], [whole], min_probability=0.0)
    found = proteins_of_terms(
        annotator, [CLASS], parts_of(whole, [100] * 15), min_probability=0.0, top=7
    )
    assert found == everything[:7]


def test_equals_come_in_the_order_of_the_input(bundle: Bundle) -> None:
    vectors = np.repeat(unit_vectors(1), 5, axis=0)
    found = proteins_of_terms(
        Annotator.of_bundle(bundle), [CLASS], [proteins(vectors)], min_probability=0.0, top=3
    )
    assert [p.protein for p in found] == ["p0", "p1", "p2"]


def test_equals_stay_in_order_when_most_are_dropped_on_the_way(bundle: Bundle) -> None:
    whole = proteins(np.repeat(unit_vectors(1), 1000, axis=0))
    found = proteins_of_terms(
        Annotator.of_bundle(bundle),
        [CLASS],
        parts_of(whole, [100] * 10),
        min_probability=0.0,
        top=4,
    )
    assert [p.protein for p in found] == ["p0", "p1", "p2", "p3"]


def test_the_nearer_of_two_equally_probable_comes_first(bundle: Bundle) -> None:
    """A level curve makes all alike."""
    level = IsotonicCalibrator(scores=(0.0, 1.0), probabilities=(0.5, 0.5))
    made = TermCalibration(
        model=readout_hash(bundle),
        calibrators=dict.fromkeys(NAMESPACES, level),
        proteins=dict.fromkeys(NAMESPACES, 1),
    )
    annotator = Annotator.of_bundle(bundle, calibration=made)
    found = proteins_of_terms(annotator, [CLASS], [proteins(unit_vectors(12))])
    assert {p.probability for p in found} == {0.5}
    cosines = [p.cosine for p in found]
    assert len(set(cosines)) == 12
    assert cosines == sorted(cosines, reverse=True)


def test_a_term_that_was_not_asked_for(bundle: Bundle) -> None:
    with pytest.raises(SearchError, match=UNSEEN_LEAF):
        proteins_of_terms(Annotator.of_bundle(bundle), [UNSEEN_LEAF], [proteins(unit_vectors(1))])
