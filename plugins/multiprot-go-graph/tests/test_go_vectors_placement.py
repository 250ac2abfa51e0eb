"""Rows of a file to terms of a release, and vectors for terms without a row."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.errors import FileFormatError, ObsoleteTermError
from multiprot.ontology import NAMESPACES, GeneOntology, Namespace, Term
from multiprot_go_graph.fill import fill_from_parents, standardised
from multiprot_go_graph.placement import Coverage, place
from multiprot_go_graph.vector_file import VectorTable


def name(number: int) -> str:
    return f"GO:{number:07d}"


def term(number: int, *parents: int, **more: object) -> Term:
    return Term(
        id=name(number),
        name=f"term {number}",
        namespace=Namespace.FUNCTION,
        is_a=tuple(name(p) for p in parents),
        **more,
    )


RELEASE = GeneOntology.from_terms(
    [
        term(0),
        term(1, 0, alt_ids=(name(101), name(102))),
        term(2, 0, alt_ids=(name(103),)),
        term(3, 1),
        term(90, obsolete=True, replaced_by=(name(3),)),
        term(91, obsolete=True, replaced_by=(name(1),)),
        term(92, obsolete=True, consider=(name(1), name(2))),
        term(93, obsolete=True, replaced_by=(name(90),)),
    ],
    release="2024-01-01",
)


def table(**rows: float) -> VectorTable:
    """One number a term: `t90=5.0` is a row of GO:0000090."""
    ids = tuple(name(int(key[1:])) if key[0] == "t" else key for key in rows)
    return VectorTable(ids, np.array(list(rows.values()), np.float32)[:, None])


def placed(
    rows: VectorTable, *, map_retired: bool = False, skip_others: bool = False
) -> tuple[list[float | None], Coverage]:
    vectors, known, coverage = place(
        rows, RELEASE, map_retired=map_retired, skip_others=skip_others, source="file.tsv"
    )
    found = vectors[:, 0].tolist()
    return [v if k else None for v, k in zip(found, known, strict=True)], coverage


def test_every_term_takes_the_row_nearest_to_it() -> None:
    rows = table(t0=1.0, t101=2.0, t102=4.0, t2=5.0, t103=6.0, t90=7.0, t91=8.0, t92=9.0, x=1.0)
    found, coverage = placed(rows, map_retired=True, skip_others=True)
    assert found == [1.0, 3.0, 5.0, 7.0]
    assert coverage == Coverage(
        own=2, merged=1, replaced=1, filled=0, unused=2, retired=1, others=1
    )


def test_several_obsolete_ids_are_averaged_through_chains() -> None:
    found, coverage = placed(table(t0=1.0, t90=2.0, t93=6.0), map_retired=True)
    assert found == [1.0, None, None, 4.0]
    assert coverage == Coverage(own=1, merged=0, replaced=1, filled=2)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("t90", r"GO:0000090 is obsolete, use GO:0000003 \(term 3\) instead"),
        ("t93", "use GO:0000003"),
        ("t92", "use one of GO:0000001, GO:0000002"),
    ],
)
def test_an_obsolete_id_is_refused_naming_its_replacement(row: str, message: str) -> None:
    with pytest.raises(ObsoleteTermError, match=rf"file\.tsv: .*{message}.*retired: map") as caught:
        placed(table(t0=1.0, **{row: 2.0}))
    assert caught.value.candidates


@pytest.mark.parametrize(
    ("row", "message"),
    [("P12345", "'P12345' is no GO id"), ("t555", "GO:0000555' is not in release 2024-01-01")],
)
def test_a_foreign_id_is_refused_or_left_out(row: str, message: str) -> None:
    rows = table(t0=1.0, **{row: 2.0})
    with pytest.raises(FileFormatError, match=rf"file\.tsv: .*{message}.*others: skip"):
        placed(rows)
    assert placed(rows, skip_others=True)[1].others == 1


def test_a_file_of_another_ontology_is_refused() -> None:
    with pytest.raises(FileFormatError, match=r"none of its 2 rows .* 'HP:0000001'"):
        placed(table(**{"HP:0000001": 1.0, "t500": 2.0}), skip_others=True)


@st.composite
def releases(draw: st.DrawFn) -> GeneOntology:
    """A random DAG over three namespaces, with is_a and part_of."""
    count = draw(st.integers(1, 12))
    terms = []
    for number in range(count):
        parents = draw(st.sets(st.integers(0, max(0, number - 1)), max_size=3)) if number else set()
        first = draw(st.integers(0, len(parents)))
        ordered = [name(p) for p in sorted(parents)]
        space = draw(st.sampled_from(NAMESPACES))
        made = replace(term(number), namespace=space, is_a=tuple(ordered[:first]))
        terms.append(replace(made, part_of=tuple(ordered[max(0, first - 1) :])))
    return GeneOntology.from_terms(terms)


@st.composite
def partly_known(draw: st.DrawFn) -> tuple[GeneOntology, np.ndarray, np.ndarray]:
    bound = draw(releases())
    known = np.array(
        draw(st.lists(st.booleans(), min_size=len(bound), max_size=len(bound)).filter(any))
    )
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    vectors = np.where(known[:, None], rng.normal(size=(len(bound), 3)), 0).astype(np.float32)
    return bound, vectors, known


def filled_by_hand(bound: GeneOntology, vectors: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The rule of the README, term by term with networkx."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(bound)))
    graph.add_edges_from(bound.edges[::-1].T.tolist())
    found = {row: vectors[row].astype(float) for row in np.flatnonzero(known)}
    for row in nx.topological_sort(graph):
        parents = list(graph.predecessors(row))
        if row in found:
            continue
        if parents:
            found[row] = np.mean([found[p] for p in parents], axis=0)
        else:
            kin = known & (bound.namespace_index == bound.namespace_index[row])
            found[row] = vectors[kin if kin.any() else known].mean(axis=0)
    return np.array([found[row] for row in range(len(bound))])


@given(drawn=partly_known())
@settings(max_examples=100, deadline=None)
def test_filling_is_the_mean_of_the_parents_from_the_roots_down(
    drawn: tuple[GeneOntology, np.ndarray, np.ndarray],
) -> None:
    bound, vectors, known = drawn
    found = fill_from_parents(vectors, known, bound, spread=0.0)
    np.testing.assert_allclose(found, filled_by_hand(*drawn), atol=1e-5)
    np.testing.assert_array_equal(found[known], vectors[known])


@given(drawn=partly_known(), spread=st.floats(0.01, 2.0))
@settings(max_examples=60, deadline=None)
def test_spread_sets_terms_apart_by_the_same_length(
    drawn: tuple[GeneOntology, np.ndarray, np.ndarray], spread: float
) -> None:
    bound, vectors, known = drawn
    found = fill_from_parents(vectors, known, bound, spread)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[known], vectors[known])
    child, parent = np.unique(bound.edges, axis=1)
    steps = [
        np.linalg.norm(found[row] - found[parent[child == row]].mean(axis=0))
        for row in np.flatnonzero(~known)
        if row in child
    ]
    np.testing.assert_allclose(steps, np.full(len(steps), steps[0] if steps else 0), atol=1e-4)


def test_siblings_without_vectors_differ_but_lie_near_their_parent() -> None:
    """By the tenth part of the distance that is usual between a term and its parents' mean."""
    bound = GeneOntology.from_terms([term(0), term(1, 0), term(2, 0), term(3, 1), term(4, 1)])
    vectors = np.zeros((5, 4), np.float32)
    vectors[1], vectors[2] = [2, 0, 0, 0], [0, 4, 0, 0]
    known = np.array([True, True, True, False, False])
    found = fill_from_parents(vectors, known, bound, 0.1)
    away = np.linalg.norm(found[3:] - vectors[1], axis=1)
    np.testing.assert_allclose(away, 0.1 * 3.0, rtol=1e-5)
    assert np.linalg.norm(found[3] - found[4]) > 0.05
    same = fill_from_parents(vectors, known, bound, 0.0)
    np.testing.assert_array_equal(same[3], same[4])


def test_the_direction_of_a_term_is_the_same_for_ever() -> None:
    """On every machine and in every release: these numbers must never change."""
    bound = GeneOntology.from_terms([term(0), term(1, 0), term(2, 1)])
    vectors = np.array([[0, 0, 0], [1, 0, 0], [0, 0, 0]], np.float32)
    found = fill_from_parents(vectors, np.array([True, True, False]), bound, 1.0)
    np.testing.assert_allclose(found[2] - found[1], [0.952186, -0.0845296, -0.2935927], atol=1e-6)


@given(drawn=partly_known())
@settings(max_examples=50, deadline=None)
def test_standardised_channels(drawn: tuple[GeneOntology, np.ndarray, np.ndarray]) -> None:
    _, vectors, known = drawn
    vectors[:, 0] = 7.25
    found = standardised(vectors, known)
    assert (found[:, 0] == 0).all()
    assert (found[~known] == 0).all()
    np.testing.assert_allclose(found[known].mean(axis=0), 0, atol=1e-5)
    if known.sum() > 1:
        np.testing.assert_allclose(found[known, 1:].std(axis=0), 1, atol=1e-4)
