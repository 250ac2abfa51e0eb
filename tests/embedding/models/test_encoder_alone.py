"""A plugin's encoder without a bundle: the mean of its residues' tokens, whole or in windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from multiprot.data.windows import merge_residues, plan_windows
from multiprot.embedding import Embedder, EmbedOptions
from multiprot.proteins import ProteinRecord
from tests.embedding.proteins import Records, close, long_record

SHAPES = {
    "esm2": ("layers=1", "width=16", "heads=2"),
    "residue-transformer": ("layers=2", "width=16", "heads=2", "max_residues=200"),
}
STRUCTURE = {"residue-geometry": ("layers=1", "width=16", "neighbours=8")}


def opened(name: str, **options: object) -> Embedder:
    return Embedder.open(
        name,
        encoder_options={**SHAPES, **STRUCTURE}[name],
        options=EmbedOptions.model_validate(options),
    )


@pytest.fixture(params=SHAPES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def mean(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.nanmean(matrix.astype(np.float64), axis=0), dtype=np.float32)


def test_a_vector_is_the_mean_of_its_residues(name: str, tiny_records: Records) -> None:
    found = opened(name).embed_residues(tiny_records)
    assert found.residues is not None
    for row, record in enumerate(tiny_records):
        # No special token is among them.
        assert found.residues[row].shape == (len(record), 16)
        assert close(found.vectors[row], mean(found.residues[row]))
    assert set(found.modalities) == {("sequence",)}


def test_a_structure_encoder_leaves_out_what_is_not_resolved(tiny_records: Records) -> None:
    embedder = opened("residue-geometry")
    bearing = [record for record in tiny_records if record.structure is not None]
    found = embedder.embed_residues(bearing)
    assert found.residues is not None
    assert set(found.modalities) == {("structure",)}
    for row in range(len(bearing)):
        assert close(found.vectors[row], mean(found.residues[row]))


@pytest.mark.parametrize(("length", "overlap"), [(201, 64), (390, 64), (700, 20), (401, 0)])
def test_windows_are_stitched_residue_by_residue(name: str, length: int, overlap: int) -> None:
    embedder = opened(name, max_residues=200, window_overlap=overlap)
    record = long_record(length, seed=length)
    windows = plan_windows(length, 200, overlap)
    parts = embedder.embed_residues(
        replace(record.crop(*window), id=f"w{number}") for number, window in enumerate(windows)
    )
    assert parts.residues is not None
    stitched = merge_residues(parts.residues, windows)
    found = embedder.embed_residues([record, long_record(30)])
    assert found.residues is not None
    assert found.windows.tolist() == [len(windows), 1]
    assert close(found.residues[0], stitched)
    assert close(found.vectors[0], mean(stitched))
    pooled = embedder.embed([record])
    assert close(pooled.vectors[0], found.vectors[0])
    assert pooled.residues is None


def test_neighbours_change_nothing(name: str, tiny_records: Records) -> None:
    embedder = opened(name)
    others = [long_record(length, seed=length) for length in (3, 150, 199)]
    together = embedder.embed_residues([*others, *tiny_records])
    for record in tiny_records:
        alone = embedder.embed_residues([record])
        assert alone.residues is not None
        assert close(together[record.id].vector, alone.vectors[0])
        residues = together[record.id].residues
        assert residues is not None
        assert close(residues, alone.residues[0])


def test_bf16_is_near_fp32_and_still_float32(tiny_records: Records) -> None:
    half = opened("esm2", precision="bf16").embed(tiny_records).vectors
    full = opened("esm2").embed(tiny_records).vectors
    assert half.dtype == np.float32
    assert not np.array_equal(half, full)
    cosines = (half * full).sum(1) / np.linalg.norm(half, axis=1) / np.linalg.norm(full, axis=1)
    assert cosines.min() > 0.999


@pytest.mark.parametrize("sequence", ["A", "X", "ACDXBZUOX", "W" * 200])
def test_one_residue_and_unknown_letters(name: str, sequence: str) -> None:
    found = opened(name).embed_residues([ProteinRecord(id="p", sequence=sequence)])
    assert found.residues is not None
    assert found.residues[0].shape == (len(sequence), 16)
    assert np.isfinite(found.residues[0]).all()
    assert close(found.vectors[0], mean(found.residues[0]))


def test_random_weights_are_drawn_alike_each_time_and_disturb_no_other(name: str) -> None:
    torch.manual_seed(5)
    first = opened(name)
    after = torch.rand(3)
    torch.manual_seed(6)
    second = opened(name)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(3))
    assert first.model.identity == second.model.identity
    record = long_record(40)
    np.testing.assert_array_equal(first.embed([record]).vectors, second.embed([record]).vectors)
