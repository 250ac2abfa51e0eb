"""Confidences are what the formula says, and never contradict the ontology."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.data.synthetic_ontology import mini_ontology
from multiprot.errors import SearchError
from multiprot.ontology import GeneOntology
from multiprot.search import (
    AnnotationSource,
    NeighbourIndex,
    TransferOptions,
    read_lookups,
    similarity,
    transfer_terms,
)
from multiprot.search.options import Metric
from tests.search.stores import ListStore, clusters, distance_matrix

ONTOLOGY = mini_ontology(6)


def reference(
    store: ListStore,
    terms: dict[str, set[str]],
    ontology: GeneOntology,
    metric: Metric,
    k: int,
) -> dict[tuple[str, str], float]:
    """(query, term) -> confidence of every protein of the store, by loops over definitions."""
    true = {protein: set(ontology.propagate(stated)) for protein, stated in terms.items()}
    distances = distance_matrix(store.vectors, store.vectors, metric)
    found: dict[tuple[str, str], float] = defaultdict(float)
    for space in ("molecular_function", "biological_process", "cellular_component"):
        here = {
            protein: {t for t in own if ontology.namespace(t) == space} - set(ontology.roots)
            for protein, own in true.items()
        }
        for query, name in enumerate(store.ids):
            asked = sorted(
                (distances[query, other], other)
                for other, neighbour in enumerate(store.ids)
                if here.get(neighbour) and neighbour != name
            )[:k]
            for distance, other in asked:
                near = max(0, 1 - distance) if metric == "cosine" else 0.5 / (0.5 + distance)
                for term in here[store.ids[other]]:
                    found[name, term] += near / len(asked)
    return found


@st.composite
def annotated(draw: st.DrawFn) -> tuple[ListStore, dict[str, set[str]]]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    store = ListStore(clusters(draw(st.integers(3, 25)), 5, int(rng.integers(1000)), families=4))
    leaves = sorted(set(ONTOLOGY.term_ids) - set(ONTOLOGY.roots))
    terms = {
        protein: set(rng.choice(leaves, size=rng.integers(1, 4)).tolist())
        for protein in store.ids
        if rng.random() < 0.7
    }
    terms[store.ids[0]] = {leaves[0]}
    return store, terms


def written(terms: dict[str, set[str]], folder: Path) -> Path:
    path = folder / "terms.tsv"
    rows = [f"{protein}\t{term}\n" for protein, own in terms.items() for term in sorted(own)]
    path.write_text("protein_id\tgo_id\n" + "".join(rows))
    return path


@given(annotated(), st.sampled_from(["cosine", "euclidean"]), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_confidence_is_the_formula(
    tmp_path_factory: pytest.TempPathFactory,
    case: tuple[ListStore, dict[str, set[str]]],
    metric: Metric,
    k: int,
) -> None:
    store, terms = case
    path = written(terms, tmp_path_factory.mktemp("terms"))
    lookups = read_lookups(AnnotationSource(path=path, ontology=ONTOLOGY), store.ids)
    index = NeighbourIndex.build(store, metric=metric)
    found = {
        (term.query, term.term): term
        for of_query in transfer_terms(
            index, lookups, store.ids, store.vectors, TransferOptions(k=k)
        )
        for term in of_query
    }
    expected = reference(store, terms, ONTOLOGY, metric, k)
    assert set(found) >= {pair for pair, value in expected.items() if value > 1e-9}
    for pair, term in found.items():
        assert term.confidence == pytest.approx(expected[pair], abs=1e-6)
        assert term.namespace == ONTOLOGY.namespace(term.term)
        assert term.name == ONTOLOGY.name(term.term)
        having = {p for p, own in terms.items() if term.term in ONTOLOGY.propagate(own)}
        assert set(term.supported_by) <= having - {term.query}
        assert 0 < len(term.supported_by) <= k
        for parent in ONTOLOGY.ancestors(term.term) - set(ONTOLOGY.roots):
            if ONTOLOGY.namespace(parent) == term.namespace:
                assert found[term.query, parent].confidence >= term.confidence


def test_order_and_support(tmp_path: Path) -> None:
    """The most certain first in each namespace; supporters nearest first."""
    store = ListStore(np.array([[0, 0], [1, 0], [2, 0], [4, 0]]))
    leaf, other = sorted(ONTOLOGY.descendants("GO:0003674"))[-2:]
    path = written({"P3": {other}, "P2": {leaf}, "P1": {leaf}}, tmp_path)
    lookups = read_lookups(AnnotationSource(path=path), store.ids)
    (terms,) = transfer_terms(
        NeighbourIndex.build(store, metric="euclidean"),
        lookups,
        ["new"],
        np.zeros((1, 2)),
        TransferOptions(k=3),
    )
    assert [(t.term, t.supported_by) for t in terms] == [(leaf, ("P1", "P2")), (other, ("P3",))]
    assert terms[0].confidence == pytest.approx((0.5 / 1.5 + 0.5 / 2.5) / 3)
    assert terms[1].confidence == pytest.approx(0.5 / 4.5 / 3)
    assert [t.name for t in terms] == ["", ""]


def test_own_annotation_passes_only_if_asked(tmp_path: Path) -> None:
    store = ListStore(clusters(10, 3, seed=0))
    leaf = min(ONTOLOGY.descendants("GO:0003674"))
    lookups = read_lookups(AnnotationSource(path=written({"P4": {leaf}}, tmp_path)), store.ids)
    index = NeighbourIndex.build(store, metric="euclidean")

    def terms(query_id: str, **options: bool) -> list[float]:
        asked = TransferOptions(**options)
        (found,) = transfer_terms(index, lookups, [query_id], store.vectors[4:5], asked)
        return [term.confidence for term in found]

    assert terms("P4") == []
    assert terms("P4", exclude_self=False) == [1.0]
    assert terms("twin") == [1.0]


def test_similarity() -> None:
    distances = np.array([0, 0.5, 1.5, np.nan], dtype=np.float32)
    np.testing.assert_allclose(similarity(distances, "euclidean"), [1, 0.5, 0.25, 0])
    np.testing.assert_allclose(similarity(distances, "euclidean", 1.5), [1, 0.75, 0.5, 0])
    np.testing.assert_allclose(similarity(distances, "cosine"), [1, 0.5, 0, 0])


def test_least_confidence_and_impossible_scales(tmp_path: Path) -> None:
    store = ListStore(clusters(30, 3, seed=0))
    leaves = sorted(ONTOLOGY.descendants("GO:0003674"))
    terms = {protein: {leaves[row % 5]} for row, protein in enumerate(store.ids)}
    lookups = read_lookups(
        AnnotationSource(path=written(terms, tmp_path), ontology=ONTOLOGY), store.ids
    )
    index = NeighbourIndex.build(store, metric="euclidean")
    every, some = (
        [t for of in transfer_terms(index, lookups, store.ids, store.vectors, options) for t in of]
        for options in (TransferOptions(), TransferOptions(least_confidence=0.2))
    )
    assert some == [term for term in every if term.confidence >= 0.2]
    assert 0 < len(some) < len(every)
    for scale in (0.0, -1.0, np.inf, np.nan):
        options = TransferOptions(half_distance=scale)
        with pytest.raises(SearchError, match=r"is no distance; give one above 0, such as 0\.5"):
            list(transfer_terms(index, lookups, store.ids, store.vectors, options))
