"""Queries are of the store or of one that is comparable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multiprot.embedding import EmbeddingStore
from multiprot.errors import EmbeddingError, SearchError
from multiprot.proteins import ProteinRecord
from multiprot.search import queries as module
from multiprot.search import read_queries
from tests.search.stores import embed
from tests.tiny_model import CONFIG, PROVENANCE, tiny_model, tiny_ontology


@pytest.fixture(scope="module")
def store(
    tiny_records: tuple[ProteinRecord, ...],
    tiny_bundle: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> EmbeddingStore:
    folder = tmp_path_factory.mktemp("stores")
    return EmbeddingStore.open(embed(tiny_records, tiny_bundle, folder / "store"))


def test_ids_of_the_store(store: EmbeddingStore) -> None:
    wanted = [store.ids[5], store.ids[0]]
    (found,) = read_queries(store, wanted)
    assert found.ids == tuple(wanted)
    np.testing.assert_array_equal(found.vectors, store.vectors()[[5, 0]])


def test_all_of_a_store_in_parts(store: EmbeddingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(read_queries(store, [str(store.folder)]))
    assert [part.ids for part in whole] == [store.ids]
    np.testing.assert_array_equal(whole[0].vectors, store.vectors())
    monkeypatch.setattr(module, "_AT_ONCE", 1)
    parts = list(read_queries(store, [str(store.folder)]))
    assert sum((part.ids for part in parts), ()) == store.ids


def test_what_is_no_query_is_named(store: EmbeddingStore, tmp_path: Path) -> None:
    with pytest.raises(SearchError, match=r"no folder of queries, and no id: .*'nobody'.*case"):
        read_queries(store, [store.ids[0], "nobody"])
    with pytest.raises(SearchError, match="is a folder; name one embedding store alone"):
        read_queries(store, [store.ids[0], str(store.folder)])
    with pytest.raises(EmbeddingError, match="holds no plain file"):
        read_queries(store, [str(tmp_path)])


def test_vectors_of_another_model_are_refused(
    store: EmbeddingStore, tiny_records: tuple[ProteinRecord, ...], tmp_path: Path
) -> None:
    from multiprot.bundle import save_bundle
    from multiprot.fusion import ModelConfig

    model = save_bundle(
        tmp_path / "bundle",
        model=tiny_model(seed=5),
        model_config=ModelConfig.model_validate(CONFIG),
        ontology=tiny_ontology(),
        provenance={**PROVENANCE, "name": "cousin"},
    )
    other = embed(tiny_records, model, tmp_path / "other")
    with pytest.raises(SearchError, match=r"are by model cousin \(\w+…\), those of .* model tiny"):
        read_queries(store, [str(other)])


def test_vectors_in_another_space_are_refused(
    store: EmbeddingStore,
    tiny_records: tuple[ProteinRecord, ...],
    tiny_bundle: Path,
    tmp_path: Path,
) -> None:
    other = embed(tiny_records, tiny_bundle, tmp_path / "other", "--space", "shared")
    with pytest.raises(SearchError, match=r"its space is 'shared', that of .* is 'protein'"):
        read_queries(store, [str(other)])
