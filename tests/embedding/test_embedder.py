"""Vectors: the same whatever is embedded beside a protein, honest about what they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.bundle import Bundle, save_bundle
from multiprot.embedding import EmbeddedProtein, Embedder, EmbedOptions, Failure
from multiprot.encoders.plugin import Capabilities, Modality
from multiprot.errors import BundleError, ConfigError, EmbeddingError
from multiprot.fusion import ModelConfig
from multiprot.proteins import Confidence, ProteinRecord
from tests.embedding.proteins import Records, close, long_record
from tests.tiny_model import CONFIG, MAX_RESIDUES, PROVENANCE, tiny_model


def test_a_loaded_model_gives_the_vectors_of_the_saved_one_bit_for_bit(
    bundle: Bundle, tiny_records: Records
) -> None:
    saved = Embedder.from_bundle(replace(bundle, model=tiny_model())).embed_residues(tiny_records)
    loaded = Embedder.from_bundle(bundle).embed_residues(tiny_records)
    assert loaded.residues is not None
    assert saved.residues is not None
    np.testing.assert_array_equal(saved.vectors, loaded.vectors)
    for left, right in zip(saved.residues, loaded.residues, strict=True):
        np.testing.assert_array_equal(left, right)


def test_rows_are_in_the_order_of_the_records(embedder: Embedder, tiny_records: Records) -> None:
    embeddings = embedder.embed(tiny_records)
    assert embeddings.ids == tuple(record.id for record in tiny_records)
    assert embeddings.lengths.tolist() == [len(record) for record in tiny_records]
    assert embeddings.vectors.shape == (len(tiny_records), 24)
    assert embeddings.vectors.dtype == np.float32
    assert embeddings.residues is None
    assert np.isfinite(embeddings.vectors).all()


def test_a_vector_does_not_depend_on_neighbours(embedder: Embedder, tiny_records: Records) -> None:
    together = embedder.embed_residues(tiny_records)
    for row, record in enumerate(tiny_records):
        alone = embedder.embed_residues([record])
        beside_longer = embedder.embed_residues([long_record(MAX_RESIDUES), record])
        assert together.residues is not None
        assert alone.residues is not None
        assert beside_longer.residues is not None
        assert close(together.vectors[row], alone.vectors[0])
        assert close(beside_longer.vectors[1], alone.vectors[0])
        assert close(together.residues[row], alone.residues[0])
        assert close(beside_longer.residues[1], alone.residues[0])


def test_each_vector_says_what_it_is_made_of(embedder: Embedder, tiny_records: Records) -> None:
    embeddings = embedder.embed(tiny_records)
    kinds = set()
    for record, used in zip(tiny_records, embeddings.modalities, strict=True):
        expected = ("sequence",) if record.structure is None else ("sequence", "structure")
        assert used == expected
        kinds.add(used)
    assert len(kinds) == 2


def test_the_structure_matters_where_there_is_one(
    embedder: Embedder, tiny_records: Records
) -> None:
    bare = embedder.embed([replace(record, structure=None) for record in tiny_records])
    full = embedder.embed(tiny_records)
    for row, record in enumerate(tiny_records):
        assert close(bare.vectors[row], full.vectors[row]) == (record.structure is None)


def test_structure_alone_is_refused_where_there_is_none(
    bundle: Bundle, tiny_records: Records
) -> None:
    bare = next(record for record in tiny_records if record.structure is None)
    structure = Embedder.from_bundle(bundle, options=EmbedOptions(modalities="structure"))
    with pytest.raises(EmbeddingError, match=f"{bare.id}: has no resolved structure"):
        structure.embed([bare])


def test_long_proteins_are_refused_where_asked(bundle: Bundle) -> None:
    embedder = Embedder.from_bundle(bundle, options=EmbedOptions(long_proteins="refuse"))
    embedder.embed([long_record(MAX_RESIDUES)])
    with pytest.raises(EmbeddingError, match="long97: 97 residues, the limit is 96"):
        embedder.embed([long_record(MAX_RESIDUES + 1)])


def test_streaming_reads_no_further_than_it_must(bundle: Bundle) -> None:
    read = 0

    def endless() -> Iterator[ProteinRecord]:
        nonlocal read
        while True:
            read += 1
            yield replace(long_record(50, seed=read), id=f"p{read}")

    embedder = Embedder.from_bundle(bundle, options=EmbedOptions(shard_residues=500))
    stream = embedder.stream(endless())
    first, second = next(stream), next(stream)
    assert first.ids == tuple(f"p{i}" for i in range(1, 11))
    assert second.ids[0] == "p11"
    assert read == 20


def test_failures_are_reported_and_the_rest_goes_on(bundle: Bundle, tiny_records: Records) -> None:
    embedder = Embedder.from_bundle(bundle, options=EmbedOptions(long_proteins="refuse"))
    failures: list[Failure] = []
    short = [record for record in tiny_records if len(record) <= MAX_RESIDUES][:2]
    (chunk,) = embedder.stream([short[0], long_record(200), short[1]], on_failure=failures.append)
    assert chunk.ids == (short[0].id, short[1].id)
    assert [failure.id for failure in failures] == ["long200"]
    assert "200 residues" in failures[0].reason


def test_repeated_ids_are_refused(embedder: Embedder) -> None:
    with pytest.raises(EmbeddingError, match="'long20' is given more than once"):
        embedder.embed([long_record(20), long_record(20, seed=1)])


def test_no_records_give_no_rows(embedder: Embedder) -> None:
    empty = embedder.embed_residues([])
    assert empty.vectors.shape == (0, 24)
    assert empty.residues == []
    assert list(embedder.stream([])) == []


def test_rows_can_be_iterated_and_found(embedder: Embedder, tiny_records: Records) -> None:
    embeddings = embedder.embed_residues(tiny_records)
    rows = list(embeddings)
    assert all(isinstance(row, EmbeddedProtein) for row in rows)
    third = embeddings[tiny_records[2].id]
    assert third.length == len(tiny_records[2])
    np.testing.assert_array_equal(third.vector, embeddings.vectors[2])
    with pytest.raises(EmbeddingError, match="no vector for 'nobody' among 12"):
        embeddings["nobody"]


def test_a_model_of_one_modality_embeds_with_it(tmp_path: Path, tiny_records: Records) -> None:
    config = ModelConfig.model_validate({**CONFIG, "go": None, "sequence": None})
    save_bundle(
        tmp_path / "b", model=tiny_model(config), model_config=config, provenance=PROVENANCE
    )
    embedder = Embedder.from_bundle(tmp_path / "b")
    assert embedder.modalities == ("structure",)
    assert embedder.max_residues is None
    bearing = [record for record in tiny_records if record.structure is not None]
    assert set(embedder.embed(bearing).modalities) == {("structure",)}
    with pytest.raises(ConfigError, match="the model has no sequence encoder, only structure"):
        Embedder.from_bundle(tmp_path / "b", options=EmbedOptions(modalities="sequence"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_residues": 40, "window_overlap": 40}, "window_overlap is 40 residues"),
        ({"precision": "fp16"}, "precision fp16: the .* encoder works in"),
    ],
)
def test_options_that_do_not_fit_the_model_are_refused_at_once(
    bundle: Bundle, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Embedder.from_bundle(bundle, options=EmbedOptions(**options))


@pytest.mark.parametrize("device", ["toaster", "cuda:99"])
def test_a_device_that_is_not_there_is_named(bundle: Bundle, device: str) -> None:
    with pytest.raises(ConfigError, match=f"device '{device}' cannot be used"):
        Embedder.from_bundle(bundle, device=device)


def test_plddt_is_required_where_the_encoder_says_so(
    bundle: Bundle, tiny_records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = Capabilities(trainable=True, max_residues=None, requires=frozenset({"plddt"}))
    own = bundle.capabilities()
    monkeypatch.setattr(Bundle, "capabilities", lambda self: {**own, Modality.STRUCTURE: needs})
    embedder = Embedder.from_bundle(bundle)
    record = next(record for record in tiny_records if record.structure is not None)
    assert record.structure is not None
    with pytest.raises(EmbeddingError, match="needs pLDDT, and the structure holds b_factor"):
        embedder.embed([record])
    predicted = replace(record.structure, confidence_kind=Confidence.PLDDT)
    assert len(embedder.embed([replace(record, structure=predicted)])) == 1


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such folder"):
        Embedder.from_bundle(tmp_path / "nowhere")
