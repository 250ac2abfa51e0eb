"""Maps of embedding stores: places, colours, clusters, terms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.data.synthetic_ontology import family_terms, mini_ontology
from multiprot.embedding import EmbeddingStore
from multiprot.errors import ConfigError, MultiprotError, ReportError, SearchError
from multiprot.report import ReportOptions
from multiprot.report.colours import MISSING, MOST_LEVELS, column_of, read_colours
from multiprot.report.projections import clustered, comparable, laid_out
from multiprot.report.space import space_map
from tests.report.makers import islands, store

TSNE = ReportOptions(projections=("tsne",), cluster_count=4)


def opened(folder: Path, vectors: np.ndarray, ids: list[str] | None = None) -> EmbeddingStore:
    return EmbeddingStore.open(store(folder, vectors, ids))


def compared(vectors: np.ndarray, metric: str = "euclidean") -> np.ndarray:
    names = tuple(str(row) for row in range(len(vectors)))
    return comparable(vectors, names, metric, "it")  # type: ignore[arg-type]


def test_distances_are_those_of_the_metric() -> None:
    vectors = islands(20, width=6)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for metric, expected in (("euclidean", vectors), ("cosine", unit)):
        found = compared(vectors, metric)
        ours = np.linalg.norm(found[:, None] - found[None], axis=2)
        theirs = np.linalg.norm(expected[:, None] - expected[None], axis=2)
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_wide_vectors_keep_what_tells_them_apart() -> None:
    vectors = np.concatenate([islands(80, width=4), np.full((80, 200), 7.0)], axis=1)
    found = compared(vectors.astype(np.float32))
    assert found.shape == (80, 50)
    np.testing.assert_allclose(
        np.linalg.norm(found[0] - found[5]), np.linalg.norm(vectors[0] - vectors[5]), rtol=1e-4
    )


def test_groups_are_found_the_largest_first_and_again_with_the_same_seed() -> None:
    vectors = np.concatenate([islands(60), islands(60)[::4] + 0.01])
    for options in (TSNE, ReportOptions(clusters="hdbscan")):
        labels = clustered(compared(vectors), options)
        assert labels is not None
        again = clustered(compared(vectors), options)
        np.testing.assert_array_equal(labels, again)
        group = np.concatenate([np.arange(60) % 4, np.zeros(15, dtype=int)])
        pairs = {(int(a), int(b)) for a, b in zip(labels, group, strict=True) if a >= 0}
        assert len(pairs) == 4
        assert (0, 0) in pairs
    assert clustered(compared(vectors), ReportOptions(clusters="none")) is None


def test_fewer_different_vectors_than_clusters() -> None:
    vectors = np.repeat(np.eye(3, 5, dtype=np.float32), 10, axis=0)
    labels = clustered(compared(vectors), ReportOptions(cluster_count=8))
    assert labels is not None
    assert sorted(np.bincount(labels)) == [10, 10, 10]


def test_tsne_keeps_neighbours_and_is_the_same_again() -> None:
    vectors = compared(islands(60))
    places = laid_out(vectors, "tsne", 3)
    np.testing.assert_array_equal(places, laid_out(vectors, "tsne", 3))
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e9 * np.eye(60)
    assert ((apart.argmin(axis=1) - np.arange(60)) % 4 == 0).mean() > 0.95


@pytest.mark.long
@pytest.mark.parametrize("number", [10, 60])
def test_umap_keeps_neighbours_and_is_the_same_again(number: int) -> None:
    vectors = compared(islands(number, groups=2))
    places = laid_out(vectors, "umap", 3)
    np.testing.assert_array_equal(places, laid_out(vectors, "umap", 3))
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e9 * np.eye(number)
    assert ((apart.argmin(axis=1) - np.arange(number)) % 2 == 0).mean() > 0.8


@pytest.mark.parametrize(
    ("vectors", "error", "told"),
    [
        (islands(9), ReportError, "9 proteins; a map needs at least 10"),
        (np.ones((12, 3)), ReportError, "all 12 vectors are the same"),
        (np.ones((12, 1)), ReportError, "vectors of 1 channel"),
        (np.where(np.eye(12, 3) > 0, np.nan, 1.0), SearchError, "'P00000'"),
        (np.concatenate([islands(12), np.zeros((1, 8))]), SearchError, "'P00012'.*zeros"),
    ],
)
def test_what_cannot_be_mapped(
    tmp_path: Path, vectors: np.ndarray, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        space_map(opened(tmp_path / "s", vectors), TSNE, owner="it")


@settings(max_examples=4)
@given(st.integers(11, 40), st.integers(0, 5))
def test_a_sample_is_of_the_store_and_in_its_order(number: int, seed: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        found = opened(Path(folder) / "s", islands(number))
        options = ReportOptions(projections=("tsne",), clusters="none", max_points=10, seed=seed)
        made = space_map(found, options, owner="it")
    assert (len(made.ids), made.total) == (10, number)
    assert list(made.ids) == sorted(made.ids)
    lengths = made.columns[-1]
    assert lengths.name == "length"
    shown = lengths.numbers if not lengths.levels else lengths.codes
    assert len(shown) == 10


def test_columns_of_levels_and_of_numbers() -> None:
    column = column_of("family", ["b", "a", "b", "", "a", "b"])
    assert column.levels == ("b", "a")
    assert column.codes.tolist() == [0, 1, 0, MISSING, 1, 0]
    numbers = column_of("mass", [*(str(n / 3) for n in range(40)), ""])
    assert numbers.levels == ()
    assert numbers.numbers[:40] == pytest.approx([n / 3 for n in range(40)])
    assert numbers.to_json()["numbers"][40] is None
    few = column_of("copies", ["1", "2", "2"])
    assert few.levels == ("2", "1")
    many = column_of("name", [f"n{number:02d}" for number in range(50)] + ["n49"])
    assert len(many.levels) == 50
    assert many.levels[0] == "n49"
    assert many.to_json()["coloured"] == MOST_LEVELS < 50
    nothing = column_of("empty", ["", ""])
    assert nothing.to_json()["codes"] == [MISSING, MISSING]


def test_a_table_of_colours_is_joined_by_id(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text('where,protein_id\n"nucleus, inner",P00001\ncytosol,P00003\n')
    table = read_colours(tmp_path / "c.csv")
    (column,) = table.columns(["P00001", "P00002", "P00003"], "it")
    assert column.levels == ("cytosol", "nucleus, inner")
    assert column.codes.tolist() == [1, MISSING, 0]
    with pytest.raises(ReportError, match=r"none of its 2 proteins, such as 'P00001', is in it"):
        table.columns(["Q1"], "it")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a header with protein_id"),
        ("id\tx\nA\t1\n", "found id, x"),
        ("protein_id\nA\n", "at least one column more"),
        ("protein_id\tx\tx\nA\t1\t2\n", "occurs twice"),
        ("protein_id\tx\n", "no rows"),
        ("protein_id\tx\nA\t1\nB\n", "line 3 has 1 cells"),
        ("protein_id\tx\nA\t1\nA\t2\n", "line 3: A a second time"),
    ],
)
def test_a_broken_table_of_colours_is_named(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "c.tsv").write_text(text)
    with pytest.raises(ReportError, match=told):
        read_colours(tmp_path / "c.tsv")


def annotated(folder: Path, ids: list[str], groups: int) -> ReportOptions:
    """Options with annotations of all but every tenth protein: row i has terms of group i."""
    rows = [
        f"{name.split('|')[1] if '|' in name else name}\t{term}\n"
        for row, name in enumerate(ids)
        if row % 10
        for term in family_terms(row % groups).values()
    ]
    (folder / "terms.tsv").write_text("protein_id\tgo_id\n" + "".join(rows))
    mini_ontology(groups).write_obo(folder / "go.obo")
    return TSNE.model_copy(
        update={"annotations": folder / "terms.tsv", "ontology": folder / "go.obo"}
    )


def test_the_terms_of_a_group_are_enriched_in_its_cluster(tmp_path: Path) -> None:
    ids = [f"sp|P{row:05d}|NAME" for row in range(80)]
    options = annotated(tmp_path, ids, 4)
    made = space_map(opened(tmp_path / "s", islands(80), ids), options, owner="it")
    assert made.annotated == 72
    assert [cluster.size for cluster in made.clusters] == [20] * 4
    ontology = mini_ontology(4)
    seen = set()
    for cluster in made.clusters:
        group = int(cluster.examples[0].split("|")[1][1:]) % 4
        own = ontology.propagate(family_terms(group).values())
        assert cluster.terms
        assert {term.go_id for term in cluster.terms} <= own
        assert cluster.terms[0].study_size == 20
        assert cluster.terms[0].population_size == 80
        seen.add(group)
    assert seen == {0, 1, 2, 3}


def test_annotations_of_nobody_are_refused(tmp_path: Path) -> None:
    options = annotated(tmp_path, [f"Q{row}" for row in range(20)], 4)
    with pytest.raises(MultiprotError, match="is in the store"):
        space_map(opened(tmp_path / "s", islands(20)), options, owner="it")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"annotations": "a.gaf"}, "annotations and ontology go together"),
        ({"ontology": "go.obo"}, "annotations and ontology go together"),
        ({"evidence": ("IDA",)}, "evidence is about annotations"),
        ({"annotations": "a", "ontology": "o", "clusters": "none"}, "choose kmeans or hdbscan"),
        ({"clusters": "hdbscan", "cluster_count": 3}, "only kmeans is told"),
        ({"projections": ()}, "a map needs a layout"),
    ],
)
def test_options_that_make_no_sense_together(values: dict[str, object], told: str) -> None:
    with pytest.raises((ConfigError, ValueError), match=told):
        ReportOptions.model_validate(values)
