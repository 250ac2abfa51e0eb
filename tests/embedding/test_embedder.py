"""Vectors: the same whatever is embedded beside a protein, honest about what they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from multiprot.bundle import Bundle, load_bundle, save_bundle
from multiprot.embedding import EmbeddedProtein, Embedder, EmbedOptions, Failure
from multiprot.embedding.windows import plan_windows
from multiprot.encoders.plugin import Capabilities, Modality
from multiprot.errors import BundleError, ConfigError, DataError, EmbeddingError
from multiprot.fusion import ModelConfig
from multiprot.proteins import AMINO_ACIDS, BackboneStructure, Confidence, ProteinRecord
from tests.tiny_model import CONFIG, MAX_RESIDUES, PROVENANCE, tiny_model

Records = tuple[ProteinRecord, ...]

TOLERANCE = 2e-6
"""Of the largest number of a vector: batches of another shape use other matmul kernels, which add
in another order; nothing else may change a float32 vector."""


def close(left: NDArray[np.float32], right: NDArray[np.float32]) -> bool:
    scale = np.nanmax(np.abs(right))
    return bool(np.allclose(left, right, rtol=0, atol=TOLERANCE * scale, equal_nan=True))


def long_record(length: int, seed: int = 0) -> ProteinRecord:
    letters = np.random.default_rng(seed).choice(list(AMINO_ACIDS), size=length)
    return ProteinRecord(id=f"long{length}", sequence="".join(letters))


def without_tokens(record: ProteinRecord, rows: slice) -> ProteinRecord:
    """The record with some residues unresolved."""
    structure = record.structure
    assert structure is not None
    present = structure.present.copy()
    present[rows] = False
    return replace(
        record,
        structure=BackboneStructure(
            coordinates=np.where(present[..., None], structure.coordinates, np.float32("nan")),
            present=present,
            chain_breaks=structure.chain_breaks,
            confidence=structure.confidence,
            confidence_kind=structure.confidence_kind,
        ),
    )


@pytest.fixture(scope="module")
def embedder(bundle: Bundle) -> Embedder:
    return Embedder(bundle)


def test_a_loaded_model_gives_the_vectors_of_the_saved_one_bit_for_bit(
    bundle: Bundle, tiny_records: Records
) -> None:
    saved = Embedder(replace(bundle, model=tiny_model())).embed_residues(tiny_records)
    loaded = Embedder(bundle).embed_residues(tiny_records)
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


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.permutations(range(12)),
    tokens=st.integers(1, 2000),
    chunk=st.integers(1, 1500),
)
def test_order_budget_and_chunks_change_nothing(
    bundle: Bundle, tiny_records: Records, order: list[int], tokens: int, chunk: int
) -> None:
    reference = Embedder(bundle).embed(tiny_records)
    options = EmbedOptions(tokens_per_batch=tokens, chunk_residues=chunk)
    shuffled = Embedder(bundle, options=options).embed([tiny_records[i] for i in order])
    assert shuffled.ids == tuple(reference.ids[i] for i in order)
    assert shuffled.modalities == tuple(reference.modalities[i] for i in order)
    for row, original in enumerate(order):
        assert close(shuffled.vectors[row], reference.vectors[original])


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


def test_one_modality_alone(bundle: Bundle, tiny_records: Records) -> None:
    with_structure = [record for record in tiny_records if record.structure is not None]
    structure = Embedder(bundle, options=EmbedOptions(modalities="structure"))
    sequence = Embedder(bundle, options=EmbedOptions(modalities="sequence"))
    assert set(structure.embed(with_structure).modalities) == {("structure",)}
    assert set(sequence.embed(with_structure).modalities) == {("sequence",)}
    other_letters = [
        replace(record, sequence=AMINO_ACIDS[0] * len(record)) for record in with_structure
    ]
    np.testing.assert_array_equal(
        structure.embed(other_letters).vectors, structure.embed(with_structure).vectors
    )


def test_structure_alone_is_refused_where_there_is_none(
    bundle: Bundle, tiny_records: Records
) -> None:
    bare = next(record for record in tiny_records if record.structure is None)
    structure = Embedder(bundle, options=EmbedOptions(modalities="structure"))
    with pytest.raises(EmbeddingError, match=f"{bare.id}: has no resolved structure"):
        structure.embed([bare])


def test_unresolved_residues_are_nan_in_structure_tokens_and_numbers_elsewhere(
    bundle: Bundle, embedder: Embedder, tiny_records: Records
) -> None:
    whole = next(record for record in tiny_records if record.structure is not None)
    record = without_tokens(whole, slice(3, 7))
    assert record.structure is not None
    alone = Embedder(bundle, options=EmbedOptions(modalities="structure")).embed_residues([record])
    assert alone.residues is not None
    missing = np.asarray(np.isnan(alone.residues[0]).all(axis=1))
    assert missing[3:7].all()
    np.testing.assert_array_equal(missing, ~record.structure.has_frame)
    both = embedder.embed_residues([record])
    assert both.residues is not None
    assert np.isfinite(both.residues[0]).all()


def test_a_structure_without_a_resolved_residue_counts_as_none(
    bundle: Bundle, embedder: Embedder, tiny_records: Records
) -> None:
    whole = next(record for record in tiny_records if record.structure is not None)
    blank = without_tokens(whole, slice(None))
    assert embedder.embed([blank]).modalities == (("sequence",),)
    with pytest.raises(EmbeddingError, match="no resolved structure"):
        Embedder(bundle, options=EmbedOptions(modalities="structure")).embed([blank])


def test_a_structure_of_lone_atoms_gives_no_vector_from_structure(
    bundle: Bundle, tiny_records: Records
) -> None:
    whole = next(record for record in tiny_records if record.structure is not None)
    structure = whole.structure
    assert structure is not None
    present = structure.present.copy()
    present[:, :3] = False
    stripped = replace(
        structure,
        coordinates=np.where(present[..., None], structure.coordinates, np.float32("nan")),
        present=present,
    )
    embedder = Embedder(bundle, options=EmbedOptions(modalities="structure"))
    with pytest.raises(EmbeddingError, match=r"not one of its \d+ residues gave a token"):
        embedder.embed([replace(whole, structure=stripped)])


@pytest.mark.parametrize("length", [97, 150, 192, 500])
def test_long_proteins_are_windowed_and_nothing_is_cut(embedder: Embedder, length: int) -> None:
    record = long_record(length)
    windows = plan_windows(length, MAX_RESIDUES, 64)
    found = embedder.embed_residues([record, long_record(20)])
    assert found.windows.tolist() == [len(windows), 1]
    assert found.residues is not None
    assert found.residues[0].shape == (length, 24)
    assert np.isfinite(found.residues[0]).all()
    parts = embedder.embed_residues(
        replace(record.crop(*window), id=f"part{number}") for number, window in enumerate(windows)
    )
    assert parts.residues is not None
    first, last = windows[0], windows[-1]
    alone = windows[1][0] - first[0]
    assert close(found.residues[0][:alone], parts.residues[0][:alone])
    assert close(
        found.residues[0][length - alone :], parts.residues[-1][last[1] - last[0] - alone :]
    )
    assert np.abs(found.vectors[0]).max() <= np.abs(parts.vectors).max() * (1 + 1e-6)


def test_a_change_of_the_last_residue_of_a_long_protein_is_seen(embedder: Embedder) -> None:
    record = long_record(300)
    last = "A" if record.sequence[-1] != "A" else "W"
    changed = replace(record, sequence=record.sequence[:-1] + last)
    assert not close(embedder.embed([changed]).vectors[0], embedder.embed([record]).vectors[0])


def test_a_window_without_resolved_residues_uses_the_others(
    bundle: Bundle, tiny_records: Records
) -> None:
    whole = next(record for record in tiny_records if record.structure is not None)
    record = without_tokens(whole, slice(0, len(whole) // 2))
    options = EmbedOptions(modalities="structure", max_residues=len(whole) // 2, window_overlap=0)
    found = Embedder(bundle, options=options).embed_residues([record])
    assert found.windows[0] > 1
    assert np.isfinite(found.vectors).all()
    assert found.residues is not None
    assert np.isnan(found.residues[0][: len(whole) // 2]).all()


def test_long_proteins_are_refused_where_asked(bundle: Bundle) -> None:
    embedder = Embedder(bundle, options=EmbedOptions(long_proteins="refuse"))
    embedder.embed([long_record(MAX_RESIDUES)])
    with pytest.raises(EmbeddingError, match="long97: 97 residues, the limit is 96"):
        embedder.embed([long_record(MAX_RESIDUES + 1)])


def test_the_shared_space_has_unit_vectors(bundle: Bundle, tiny_records: Records) -> None:
    embedder = Embedder(bundle, options=EmbedOptions(space="shared"))
    vectors = embedder.embed([*tiny_records, long_record(400)]).vectors
    assert vectors.shape == (len(tiny_records) + 1, 12)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)


def test_bf16_is_near_fp32_and_still_float32(bundle: Bundle, tiny_records: Records) -> None:
    half = Embedder(bundle, options=EmbedOptions(precision="bf16")).embed(tiny_records).vectors
    full = Embedder(bundle).embed(tiny_records).vectors
    assert half.dtype == np.float32
    assert not np.array_equal(half, full)
    cosines = (half * full).sum(1) / np.linalg.norm(half, axis=1) / np.linalg.norm(full, axis=1)
    assert cosines.min() > 0.999


def test_streaming_reads_no_further_than_it_must(bundle: Bundle) -> None:
    read = 0

    def endless() -> Iterator[ProteinRecord]:
        nonlocal read
        while True:
            read += 1
            yield replace(long_record(50, seed=read), id=f"p{read}")

    embedder = Embedder(bundle, options=EmbedOptions(chunk_residues=500))
    stream = embedder.stream(endless())
    first, second = next(stream), next(stream)
    assert first.ids == tuple(f"p{i}" for i in range(1, 11))
    assert second.ids[0] == "p11"
    assert read == 20


def test_failures_are_reported_and_the_rest_goes_on(bundle: Bundle, tiny_records: Records) -> None:
    embedder = Embedder(bundle, options=EmbedOptions(long_proteins="refuse"))
    failures: list[Failure] = []
    short = [record for record in tiny_records if len(record) <= MAX_RESIDUES][:2]
    (chunk,) = embedder.stream([short[0], long_record(200), short[1]], on_failure=failures.append)
    assert chunk.ids == (short[0].id, short[1].id)
    assert [failure.id for failure in failures] == ["long200"]
    assert "200 residues" in failures[0].reason


class FragileFeaturizer:
    """A guest that cannot bear tryptophan."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __call__(self, records: Sequence[ProteinRecord], layout: Any) -> Any:
        if any("W" in record.sequence for record in records):
            raise DataError("tryptophan!")
        return self.inner(records, layout)


def test_a_plugin_that_fails_on_one_protein_harms_no_other(bundle: Bundle) -> None:
    model = tiny_model()
    assert model.sequence is not None
    model.sequence.featurizer = FragileFeaturizer(model.sequence.featurizer)
    embedder = Embedder(replace(bundle, model=model))
    records = [
        ProteinRecord(id=f"p{i}", sequence="ACDEFGHIKL" + ("W" if i == 5 else "A"))
        for i in range(9)
    ]
    failures: list[Failure] = []
    (chunk,) = embedder.stream(records, on_failure=failures.append)
    assert [failure.id for failure in failures] == ["p5"]
    assert "p5: tryptophan!" in failures[0].reason
    assert len(chunk) == 8
    with pytest.raises(EmbeddingError, match="p5: tryptophan!"):
        embedder.embed(records)


def test_memory_that_runs_out_is_halved_away(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = Embedder(bundle)
    forward = embedder._runner._forward
    sizes = []

    def small(pieces: Any, residues: bool) -> Any:
        sizes.append(len(pieces))
        if len(pieces) > 2 or len(pieces[0].record) > 60:
            raise torch.OutOfMemoryError("no memory")
        return forward(pieces, residues)

    monkeypatch.setattr(embedder._runner, "_forward", small)
    records = [replace(long_record(20 + i), id=f"p{i}") for i in range(7)]
    assert len(embedder.embed(records)) == 7
    assert max(sizes) > 2
    with pytest.raises(
        EmbeddingError, match="long70: 70 residues do not fit into the memory of cpu"
    ):
        embedder.embed([long_record(70)])


def test_vectors_that_are_no_numbers_are_refused(bundle: Bundle) -> None:
    model = tiny_model()
    with torch.no_grad():
        model.project_protein.register_forward_hook(lambda *_: None)
        next(iter(model.pool.parameters())).fill_(float("nan"))
    with pytest.raises(EmbeddingError, match="long20: its vector holds NaN"):
        Embedder(replace(bundle, model=model)).embed([long_record(20)])


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
        Embedder(bundle, options=EmbedOptions(**options))


@pytest.mark.parametrize("device", ["toaster", "cuda:99"])
def test_a_device_that_is_not_there_is_named(bundle: Bundle, device: str) -> None:
    with pytest.raises(ConfigError, match=f"device '{device}' cannot be used"):
        Embedder(bundle, device=device)


def test_plddt_is_required_where_the_encoder_says_so(
    bundle: Bundle, tiny_records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = Capabilities(trainable=True, max_residues=None, requires=frozenset({"plddt"}))
    own = bundle.capabilities()
    monkeypatch.setattr(Bundle, "capabilities", lambda self: {**own, Modality.STRUCTURE: needs})
    embedder = Embedder(bundle)
    record = next(record for record in tiny_records if record.structure is not None)
    assert record.structure is not None
    with pytest.raises(EmbeddingError, match="needs pLDDT, and the structure holds b_factor"):
        embedder.embed([record])
    predicted = replace(record.structure, confidence_kind=Confidence.PLDDT)
    assert len(embedder.embed([replace(record, structure=predicted)])) == 1


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such folder"):
        Embedder.from_bundle(tmp_path / "nowhere")


def test_the_model_is_found_again_after_loading_twice(tiny_bundle: Path) -> None:
    assert load_bundle(tiny_bundle).content_hash == load_bundle(tiny_bundle).content_hash
