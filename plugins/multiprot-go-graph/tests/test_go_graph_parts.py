"""Hashed names, relations and sparse products on their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from multiprot.ontology import GeneOntology, Namespace, Term
from multiprot_go_graph.relations import RelationGraph, ranges
from multiprot_go_graph.sparse_rows import SparseRows
from multiprot_go_graph.text import hashed_text

NAMES = st.lists(st.text(max_size=30), min_size=1, max_size=6)


@given(names=NAMES, buckets=st.integers(1, 40))
@settings(max_examples=50, deadline=None)
def test_a_row_has_length_one_or_no_text(names: list[str], buckets: int) -> None:
    text = hashed_text(names, buckets)
    assert text.shape == (len(names), buckets)
    assert text.dtype == np.float32
    length = np.sqrt((text.toarray() ** 2).sum(axis=1))
    readable = [any(c.isascii() and c.isalnum() for c in name.lower()) for name in names]
    np.testing.assert_allclose(length, np.array(readable, float), atol=1e-5)


def test_shared_words_make_names_alike_and_rare_ones_more() -> None:
    names = ["zinc ion binding", "heme binding", "zinc transport", "lipid binding", "dna binding"]
    text = hashed_text(names, 100_000).toarray()
    alike = text @ text.T
    assert alike[0, 2] > alike[0, 1] > 0
    assert alike[1, 2] < 0.05


def test_letter_case_and_punctuation_do_not_matter_and_order_does_not() -> None:
    text = hashed_text(["Zinc-ion binding", "zinc ion, binding", "binding ion zinc"], 999).toarray()
    np.testing.assert_allclose(text[0], text[1], atol=1e-6)
    np.testing.assert_allclose(text[0], text[2], atol=1e-6)


def test_the_hash_is_the_same_for_ever() -> None:
    """Saved weights mean buckets: these numbers must never change."""
    text = hashed_text(["ab"], 1000)
    assert sorted(text.indices.tolist()) == [427, 444, 843]


@given(
    pairs=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=8),
)
def test_ranges(pairs: list[tuple[int, int]]) -> None:
    starts = np.array([start for start, _ in pairs], dtype=np.int64)
    counts = np.array([count for _, count in pairs], dtype=np.int64)
    expected = [number for start, count in pairs for number in range(start, start + count)]
    assert ranges(starts, starts + counts).tolist() == expected


@given(seed=st.integers(0, 200), rows=st.integers(0, 6), columns=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_sparse_rows_multiply_and_differentiate_like_a_dense_matrix(
    seed: int, rows: int, columns: int
) -> None:
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(rows, columns)) * (rng.random((rows, columns)) < 0.4)
    matrix = SparseRows.of(csr_array(dense.astype(np.float32)), torch.device("cpu"))
    table = torch.randn(columns, 3, requires_grad=True)
    weight = torch.randn(rows, 3)
    expected = torch.from_numpy(dense).float() @ table
    (wanted,) = torch.autograd.grad((expected * weight).sum(), table)
    found = matrix.times(table)
    (gradient,) = torch.autograd.grad((found * weight).sum(), table)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient, wanted)


def diamond() -> GeneOntology:
    """0 is the root, 1 and 2 its children, 3 hangs from both, from 1 in two ways; 4 from 3."""
    parents = {1: ([0], []), 2: ([0], []), 3: ([1, 2], [1]), 4: ([3], [])}
    return GeneOntology.from_terms(
        Term(
            id=f"GO:{i:07d}",
            name=f"term {i}",
            namespace=Namespace.FUNCTION,
            is_a=tuple(f"GO:{p:07d}" for p in parents.get(i, ([], []))[0]),
            part_of=tuple(f"GO:{p:07d}" for p in parents.get(i, ([], []))[1]),
        )
        for i in range(5)
    )


@pytest.mark.parametrize(
    ("reach", "both", "expected"),
    [
        (0, False, [[3]]),
        (1, False, [[3], [1, 2]]),
        (2, False, [[3], [1, 2], [0]]),
        (3, False, [[3], [1, 2], [0], []]),
        (1, True, [[3], [1, 2, 4]]),
    ],
)
def test_rings_of_a_neighbourhood(reach: int, both: bool, expected: list[list[int]]) -> None:
    near = RelationGraph(diamond(), both).neighbourhood(np.array([3]), reach)
    assert near.nodes == tuple(np.cumsum([len(ring) for ring in expected]).tolist())
    assert near.terms.tolist() == [term for ring in expected for term in ring]


def test_edges_of_a_neighbourhood_by_relation() -> None:
    near = RelationGraph(diamond(), both=False).neighbourhood(np.array([3]), 1)
    found = {
        (int(near.terms[t]), int(slot), int(near.terms[s])): float(weight)
        for t, slot, s, weight in zip(
            near.targets, near.slots, near.sources, near.weights, strict=True
        )
    }
    assert found == {(3, 0, 1): 0.5, (3, 0, 2): 0.5, (3, 1, 1): 1.0}
    assert near.edges == (3,)


def test_relations_are_told_apart_by_direction() -> None:
    near = RelationGraph(diamond(), both=True).neighbourhood(np.array([1]), 1)
    edges = {
        (int(slot), int(near.terms[s])) for slot, s in zip(near.slots, near.sources, strict=True)
    }
    assert edges == {(0, 0), (2, 3), (3, 3)}
