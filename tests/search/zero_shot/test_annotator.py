"""Probabilities of terms: by definition, under the true path rule, whatever else is asked."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.bundle import Bundle, load_bundle
from multiprot.errors import SearchError
from multiprot.search.zero_shot import Annotator, SharedTerms, TermSelection
from multiprot.search.zero_shot.terms import on_grid
from tests.search.zero_shot.models import (
    UNSEEN_CLASS,
    UNSEEN_LEAF,
    cosine_table,
    learnt_ids,
    reference,
    save_annotating_bundle,
    unit_vectors,
)
from tests.tiny_model import tiny_ontology


def annotator_with(bundle: Bundle, *unseen: str) -> Annotator:
    return Annotator.of_bundle(bundle, TermSelection(learnt=(), unseen=unseen))


def listed(annotator: Annotator, vectors: np.ndarray, **options: object) -> list[dict[str, float]]:
    answers = annotator.annotate(vectors, **options)  # type: ignore[arg-type]
    return [{term.term: term.probability for term in terms} for terms in answers]


def test_probabilities_are_those_of_the_definition(bundle: Bundle) -> None:
    vectors = unit_vectors(4)
    annotator = Annotator.of_bundle(bundle)
    found = annotator.probabilities(vectors)
    assert set(annotator.term_ids) == set(learnt_ids(tiny_ontology()))
    for column, vector in enumerate(vectors):
        wanted = reference(bundle, vector)
        for row, term_id in enumerate(annotator.term_ids):
            assert found[row, column] == pytest.approx(wanted[term_id], rel=1e-5)


def test_some_ancestor_is_raised(bundle: Bundle) -> None:
    """Else the tests of the true path would hold of themselves."""
    learnt = SharedTerms.learnt(bundle)
    own = 1 / (1 + np.exp(-learnt.log_odds(unit_vectors(20))))
    assert (Annotator(learnt).probabilities(unit_vectors(20)) > own + 1e-9).any()


@given(seed=st.integers(0, 1000), zero_shot=st.booleans())
@settings(deadline=None, max_examples=20)
def test_no_term_is_more_probable_than_one_above(
    bundle: Bundle, seed: int, zero_shot: bool
) -> None:
    unseen = (UNSEEN_LEAF, UNSEEN_CLASS) if zero_shot else ()
    annotator = annotator_with(bundle, *unseen)
    vectors = unit_vectors(7, seed=seed)
    found = dict(zip(annotator.term_ids, annotator.probabilities(vectors), strict=True))
    ontology = tiny_ontology()
    pairs = [(t, a) for t in found for a in ontology.ancestors(t) if a in found]
    assert len(pairs) > 10
    for term, ancestor in pairs:
        assert (found[ancestor] >= found[term]).all(), (term, ancestor)


@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_a_protein_is_alike_alone_and_in_any_company(bundle: Bundle, data: st.DataObject) -> None:
    vectors = unit_vectors(23, seed=3)
    annotator = annotator_with(bundle, UNSEEN_LEAF)
    whole = annotator.probabilities(vectors)
    chosen = data.draw(st.lists(st.integers(0, 22), min_size=1, max_size=40))
    np.testing.assert_array_equal(annotator.probabilities(vectors[chosen]), whole[:, chosen])


@pytest.mark.parametrize("width", [12, 128, 1280])
def test_cosines_on_the_grid_are_exact(width: int) -> None:
    """Sums in any order give the same bits, which differ from the cosine by less than float32."""
    a, b = on_grid(unit_vectors(9, width)), on_grid(unit_vectors(9, width, seed=1))
    product = a @ b.T
    for row, one in enumerate(a):
        for column, other in enumerate(b):
            exact = math.fsum(x * y for x, y in zip(one.tolist(), other.tolist(), strict=True))
            backwards = sum((one * other)[::-1].tolist())
            assert product[row, column] == exact == backwards
    plain = unit_vectors(9, width).astype(float) @ unit_vectors(9, width, seed=1).astype(float).T
    assert np.abs(product - plain).max() < 2e-7


@given(low=st.floats(0, 1), high=st.floats(0, 1))
@settings(deadline=None, max_examples=25)
def test_a_higher_bar_leaves_less_of_the_same(bundle: Bundle, low: float, high: float) -> None:
    low, high = sorted([low, high])
    annotator, vectors = Annotator.of_bundle(bundle), unit_vectors(5)
    more = listed(annotator, vectors, min_probability=low)
    less = listed(annotator, vectors, min_probability=high)
    for few, many in zip(less, more, strict=True):
        assert few == {term: p for term, p in many.items() if p >= high}


@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_asking_for_some_terms_gives_a_part_of_all(bundle: Bundle, data: st.DataObject) -> None:
    annotator, vectors = Annotator.of_bundle(bundle), unit_vectors(5)
    chosen = data.draw(st.sets(st.integers(0, len(annotator.rows) - 1)))
    wanted = np.isin(np.arange(len(annotator.rows)), list(chosen))
    everything = listed(annotator, vectors, min_probability=0.0)
    names = {annotator.term_ids[term] for term in chosen}
    some = listed(annotator, vectors, wanted=wanted, min_probability=0.0)
    for few, many in zip(some, everything, strict=True):
        assert few == {term: p for term, p in many.items() if term in names}


def test_order_and_top(bundle: Bundle) -> None:
    annotator, vectors = Annotator.of_bundle(bundle), unit_vectors(3)
    everything = list(annotator.annotate(vectors, min_probability=0.0))
    best = list(annotator.annotate(vectors, min_probability=0.0, top=2))
    order = ["molecular_function", "biological_process", "cellular_component"]
    for terms, first in zip(everything, best, strict=True):
        keys = [(order.index(t.namespace), -t.probability, t.term) for t in terms]
        assert keys == sorted(keys)
        by_space = [[t for t in terms if t.namespace == space][:2] for space in order]
        assert first == [term for part in by_space for term in part]
        assert {t.basis for t in terms} == {"learnt"}
        assert all(t.name == tiny_ontology().name(t.term) for t in terms)


def test_unseen_terms_change_no_learnt_one(bundle: Bundle) -> None:
    vectors = unit_vectors(6)
    plain = Annotator.of_bundle(bundle)
    more = annotator_with(bundle, UNSEEN_LEAF, UNSEEN_CLASS)
    learnt = len(plain.rows)
    assert more.term_ids[:learnt] == plain.term_ids
    assert set(more.term_ids[learnt:]) == {UNSEEN_LEAF, UNSEEN_CLASS}
    assert more.basis[learnt:] == ("zero-shot",) * 2
    np.testing.assert_array_equal(
        more.probabilities(vectors)[:learnt], plain.probabilities(vectors)
    )


def test_an_unseen_term_lies_between_its_relatives(bundle: Bundle) -> None:
    """By definition: own guess, raised to learnt terms below it, lowered to all terms above it."""
    ontology, vectors = tiny_ontology(), unit_vectors(40, seed=8)
    annotator = annotator_with(bundle, UNSEEN_LEAF, UNSEEN_CLASS)
    found = annotator.probabilities(vectors)
    readout = bundle.load_readout()
    space = [t for t in readout.term_ids if ontology.namespace(t).value == "molecular_function"]
    prior = {t: float(p.exp()) for t, p in zip(readout.term_ids, readout.log_prior, strict=True)}
    bias = dict(zip(readout.term_ids, readout.bias.tolist(), strict=True))
    moved = np.mean([bias[t] - math.log(prior[t] / (1 - prior[t])) for t in space])
    rare = min(prior[t] for t in space) / 2
    scale = float(np.median(readout.scale.numpy()))
    bound = dict.fromkeys(("free", "raised", "lowered"), 0)
    for column, vector in enumerate(vectors):
        learnt = reference(bundle, vector)
        for term_id in (UNSEEN_LEAF, UNSEEN_CLASS):
            (cosine,) = cosine_table(bundle, [term_id], vector)
            own = 1 / (1 + math.exp(-(scale * cosine + math.log(rare / (1 - rare)) + moved)))
            below = max([learnt[t] for t in ontology.descendants(term_id) if t in learnt] or [0.0])
            above = min([learnt[t] for t in ontology.ancestors(term_id) if t in learnt] or [1.0])
            wanted = min(max(own, below), above)
            kind = "free" if wanted == own else "raised" if wanted == below else "lowered"
            bound[kind] += 1
            row = annotator.position(term_id)
            assert found[row, column] == pytest.approx(wanted, rel=1e-5)
    assert all(bound.values()), bound


def test_an_unseen_leaf_brings_its_unseen_ancestors(tmp_path: Path) -> None:
    ontology = tiny_ontology()
    parent = next(iter(ontology.term(UNSEEN_LEAF).is_a))
    rest = tuple(t for t in learnt_ids(ontology) if t != parent)
    bundle = load_bundle(save_annotating_bundle(tmp_path / "bundle", readout_terms=rest))
    annotator = annotator_with(bundle, UNSEEN_LEAF)
    assert {UNSEEN_LEAF, parent} <= set(annotator.term_ids)
    found = annotator.probabilities(unit_vectors(9))
    assert (found[annotator.position(parent)] >= found[annotator.position(UNSEEN_LEAF)]).all()


def test_a_term_that_is_not_here(bundle: Bundle) -> None:
    with pytest.raises(SearchError, match=UNSEEN_LEAF):
        Annotator.of_bundle(bundle).position(UNSEEN_LEAF)


def test_a_readout_of_roots_only(tiny_bundle: Path) -> None:
    with pytest.raises(SearchError, match="no term but roots"):
        Annotator.of_bundle(load_bundle(tiny_bundle))


def test_nothing_learnt_in_the_namespace(tmp_path: Path) -> None:
    ontology = tiny_ontology()
    of_process = tuple(t for t in learnt_ids(ontology) if t.startswith("GO:92"))
    bundle = load_bundle(save_annotating_bundle(tmp_path / "bundle", readout_terms=of_process))
    with pytest.raises(SearchError, match="learnt no term of molecular_function"):
        annotator_with(bundle, UNSEEN_LEAF)
