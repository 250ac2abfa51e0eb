"""Batches, precision and what a failing plugin or a full memory does to the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiprot.bundle import Bundle
from multiprot.embedding import Embedder, EmbedOptions, Failure
from multiprot.errors import DataError, EmbeddingError
from multiprot.proteins import AMINO_ACIDS, ProteinRecord
from tests.embedding.proteins import Records, close, long_record
from tests.tiny_model import tiny_model


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
    reference = Embedder.from_bundle(bundle).embed(tiny_records)
    options = EmbedOptions(tokens_per_batch=tokens, shard_residues=chunk)
    shuffled = Embedder.from_bundle(bundle, options=options).embed([tiny_records[i] for i in order])
    assert shuffled.ids == tuple(reference.ids[i] for i in order)
    assert shuffled.modalities == tuple(reference.modalities[i] for i in order)
    for row, original in enumerate(order):
        assert close(shuffled.vectors[row], reference.vectors[original])


def test_one_modality_alone(bundle: Bundle, tiny_records: Records) -> None:
    with_structure = [record for record in tiny_records if record.structure is not None]
    structure = Embedder.from_bundle(bundle, options=EmbedOptions(modalities="structure"))
    sequence = Embedder.from_bundle(bundle, options=EmbedOptions(modalities="sequence"))
    assert set(structure.embed(with_structure).modalities) == {("structure",)}
    assert set(sequence.embed(with_structure).modalities) == {("sequence",)}
    other_letters = [
        replace(record, sequence=AMINO_ACIDS[0] * len(record)) for record in with_structure
    ]
    np.testing.assert_array_equal(
        structure.embed(other_letters).vectors, structure.embed(with_structure).vectors
    )


def test_the_shared_space_has_unit_vectors(bundle: Bundle, tiny_records: Records) -> None:
    embedder = Embedder.from_bundle(bundle, options=EmbedOptions(space="shared"))
    vectors = embedder.embed([*tiny_records, long_record(400)]).vectors
    assert vectors.shape == (len(tiny_records) + 1, 12)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)


def test_bf16_is_near_fp32_and_still_float32(bundle: Bundle, tiny_records: Records) -> None:
    half = (
        Embedder.from_bundle(bundle, options=EmbedOptions(precision="bf16"))
        .embed(tiny_records)
        .vectors
    )
    full = Embedder.from_bundle(bundle).embed(tiny_records).vectors
    assert half.dtype == np.float32
    assert not np.array_equal(half, full)
    cosines = (half * full).sum(1) / np.linalg.norm(half, axis=1) / np.linalg.norm(full, axis=1)
    assert cosines.min() > 0.999


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
    embedder = Embedder.from_bundle(replace(bundle, model=model))
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
    embedder = Embedder.from_bundle(bundle, options=EmbedOptions(long_proteins="refuse"))
    forward = embedder.model.forward
    sizes = []

    def small(features: Any, *, residues: bool) -> Any:
        lengths = features.sequence.lengths
        sizes.append(len(lengths))
        if len(lengths) > 2 or max(lengths) > 60:
            raise torch.OutOfMemoryError("no memory")
        return forward(features, residues=residues)

    monkeypatch.setattr(embedder.model, "forward", small)
    records = [replace(long_record(20 + i), id=f"p{i}") for i in range(7)]
    expected = Embedder.from_bundle(bundle).embed(records)
    found = embedder.embed(records)
    assert max(sizes) > 2
    assert found.ids == expected.ids
    assert close(found.vectors, expected.vectors)
    with pytest.raises(
        EmbeddingError, match="long70: 70 residues do not fit into the memory of cpu"
    ):
        embedder.embed([long_record(70)])
