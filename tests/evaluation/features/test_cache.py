"""A model embeds a sequence once, however often and by whomever it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from multiprot.embedding import Embedder, EmbeddingStore, EmbedOptions
from multiprot.embedding.progress import Progress
from multiprot.errors import EvaluationError
from multiprot.evaluation.features.baseline_source import BaselineSource
from multiprot.evaluation.features.cache import VectorCache
from multiprot.evaluation.features.embedder_source import EmbedderSource
from multiprot.evaluation.features.stored import StoreSource
from multiprot.proteins import ProteinRecord

SEQUENCES = ["MKTAYIAKQR", "ACDEFGHIK", "MKTAYIAKQR", "W" * 40, "GGXBZ"]


class Counting(Embedder):
    """Counts the proteins that it computes."""

    computed = 0

    def outcomes(self, records, **given):  # type: ignore[no-untyped-def]
        self.computed += len(records)
        return super().outcomes(records, **given)


@pytest.fixture
def embedder(tiny_bundle: Path) -> Counting:
    opened = Counting.open(tiny_bundle)
    assert isinstance(opened, Counting)
    return opened


def records(sequences: list[str]) -> list[ProteinRecord]:
    return [ProteinRecord(id=f"p{i}", sequence=s) for i, s in enumerate(sequences)]


def test_what_is_kept_is_what_the_model_says(embedder: Counting, tmp_path: Path) -> None:
    source = EmbedderSource(embedder, "tiny", VectorCache(tmp_path))
    assert source.missing(SEQUENCES, residues=False) == {}
    expected = np.stack([p.vector for p in embedder.embed(records(SEQUENCES))])
    np.testing.assert_allclose(source.proteins(SEQUENCES), expected, rtol=1e-5, atol=1e-6)


def test_residues_are_those_that_were_chosen(embedder: Counting, tmp_path: Path) -> None:
    source = EmbedderSource(embedder, "tiny", VectorCache(tmp_path))
    source.missing(SEQUENCES, residues=True)
    rng = np.random.default_rng(0)
    chosen = [rng.random(len(s)) < 0.5 for s in SEQUENCES]
    whole = [p.residues for p in embedder.embed_residues(records(SEQUENCES))]
    expected = np.concatenate([w[m] for w, m in zip(whole, chosen, strict=True) if w is not None])
    found = source.residues(SEQUENCES, chosen)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_nothing_is_computed_twice(embedder: Counting, tmp_path: Path) -> None:
    cache = VectorCache(tmp_path)
    cache.completed(embedder, SEQUENCES[:3], residues=False)
    assert embedder.computed == 2
    cache.completed(embedder, SEQUENCES[:2], residues=False)
    assert embedder.computed == 2
    # Another process, another task: only what is new.
    VectorCache(tmp_path).completed(embedder, SEQUENCES, residues=False)
    assert embedder.computed == 4


def test_only_what_is_computed_counts_as_embedded(embedder: Counting, tmp_path: Path) -> None:
    first = EmbedderSource(embedder, "tiny", VectorCache(tmp_path))
    first.missing(SEQUENCES, residues=False)
    assert first.residues_embedded == sum(len(s) for s in set(SEQUENCES))
    again = EmbedderSource(embedder, "tiny", VectorCache(tmp_path))
    again.missing(SEQUENCES, residues=False)
    assert again.residues_embedded == 0


def test_each_run_of_embedding_is_watched_and_no_other(embedder: Counting, tmp_path: Path) -> None:
    ended: list[Progress] = []

    @contextmanager
    def watch() -> Iterator[Progress]:
        progress = Progress()
        yield progress
        ended.append(progress)

    for wanted in (SEQUENCES[:2], SEQUENCES, SEQUENCES):
        source = EmbedderSource(embedder, "tiny", VectorCache(tmp_path), watch)
        source.missing(wanted, residues=False)
    # The third had nothing to do; each began at nought and came to its end.
    assert [p.proteins for p in ended] == [2, 2]
    assert [p.residues for p in ended] == [19, 45]
    assert all(p.position == p.total for p in ended)


def test_other_settings_are_other_vectors(tiny_bundle: Path, tmp_path: Path) -> None:
    for space in ("protein", "shared"):
        options = EmbedOptions.model_validate({"space": space})
        embedder = Embedder.open(tiny_bundle, options=options)
        (store,) = VectorCache(tmp_path).completed(embedder, SEQUENCES, residues=False)
        assert store.width == embedder.width


def test_refused_proteins_are_told(tiny_bundle: Path, tmp_path: Path) -> None:
    options = EmbedOptions(long_proteins="refuse", max_residues=30)
    source = EmbedderSource(
        Embedder.open(tiny_bundle, options=options), "tiny", VectorCache(tmp_path)
    )
    missing = source.missing(SEQUENCES, residues=False)
    assert list(missing) == ["W" * 40]
    assert "40 residues" in missing["W" * 40]


def test_a_store_is_looked_up_by_sequence(embedder: Counting, tmp_path: Path) -> None:
    (folder,) = (
        s.folder for s in VectorCache(tmp_path).completed(embedder, SEQUENCES[:3], residues=False)
    )
    store = StoreSource(EmbeddingStore.open(folder), "store")
    assert list(store.missing(SEQUENCES, residues=False)) == ["W" * 40, "GGXBZ"]
    np.testing.assert_array_equal(
        store.proteins(["ACDEFGHIK"])[0], store.proteins(SEQUENCES[:3])[1]
    )
    with pytest.raises(EvaluationError, match="has no residue vectors, which this task needs"):
        store.missing(SEQUENCES, residues=True)


def test_a_baseline_counts_what_it_reads_and_a_store_counts_nothing(
    embedder: Counting, tmp_path: Path
) -> None:
    baseline = BaselineSource("length", "length")
    baseline.proteins(SEQUENCES)
    assert baseline.residues_embedded == sum(map(len, SEQUENCES))
    (made,) = VectorCache(tmp_path).completed(embedder, SEQUENCES, residues=False)
    store = StoreSource(made, "store")
    store.proteins(SEQUENCES)
    assert store.residues_embedded == 0
