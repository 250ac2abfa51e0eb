"""Steps among terms of an ontology: raising ancestors and lowering descendants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.ontology import NAMESPACES, GeneOntology, Term
from multiprot.search.zero_shot.true_path import TruePath, strict_ancestors


def random_ontology(rng: np.random.Generator, terms: int) -> GeneOntology:
    """A graph in which any earlier term may be a parent, in any namespace."""
    made = []
    for number in range(terms):
        parents = rng.permutation(number)[: rng.integers(0, 3)]
        made.append(
            Term(
                id=f"GO:{number:07d}",
                name=f"term {number}",
                namespace=NAMESPACES[int(rng.integers(3))],
                is_a=tuple(f"GO:{parent:07d}" for parent in parents),
            )
        )
    return GeneOntology.from_terms(made)


@given(seed=st.integers(0, 2**32 - 1), terms=st.integers(2, 14))
@settings(deadline=None, max_examples=60)
def test_every_term_gets_the_best_below_and_the_least_above(seed: int, terms: int) -> None:
    rng = np.random.default_rng(seed)
    ontology = random_ontology(rng, terms)
    rows = np.sort(rng.permutation(terms)[: rng.integers(1, terms + 1)])
    path = TruePath.among(rows, ontology)
    ids = [ontology.term_ids[row] for row in rows]
    values = rng.random((len(rows), 3))
    raised, lowered = values.copy(), values.copy()
    path.raise_ancestors(raised)
    path.lower_descendants(lowered)
    for term, term_id in enumerate(ids):
        below = [n for n, other in enumerate(ids) if term_id in ontology.propagate([other])]
        above = [n for n, other in enumerate(ids) if other in ontology.propagate([term_id])]
        np.testing.assert_array_equal(raised[term], values[below].max(axis=0))
        np.testing.assert_array_equal(lowered[term], values[above].min(axis=0))


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_no_step_leads_where_two_others_lead(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ontology = random_ontology(rng, 12)
    rows = np.arange(12)
    steps = {tuple(step) for step in TruePath.among(rows, ontology).steps.tolist()}
    above = strict_ancestors(rows, ontology).toarray()
    for term, ancestor in steps:
        assert above[term, ancestor]
        assert not (above[term] & above[:, ancestor]).any()


@pytest.mark.timeout(120)
def test_on_the_real_ontology(shared: Path) -> None:
    ontology = GeneOntology.from_obo(shared / "data" / "pretrain" / "go.obo.gz")
    rng = np.random.default_rng(0)
    rows = np.sort(rng.permutation(len(ontology))[:4000])
    values = rng.random((len(rows), 2))
    raised = values.copy()
    TruePath.among(rows, ontology).raise_ancestors(raised)
    term, ancestor = strict_ancestors(rows, ontology).tocoo().coords
    assert len(term) > 2_000
    assert (values[ancestor] < values[term]).any()
    assert (raised[ancestor] >= raised[term]).all()
    assert np.isin(raised, values).all()
