"""Real chains, where the data lies beside the project."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from multiprot.encoders.contract import Layout
from multiprot.proteins import ProteinRecord, read_structure_file
from multiprot_gvp.encoder import GvpEncoder
from multiprot_gvp.geometry import backbone_frames, dihedral_scalars, direction_vectors, unit
from multiprot_gvp.options import GvpOptions


@pytest.fixture(scope="module")
def records() -> list[ProteinRecord]:
    """Forty-eight chains, of every format."""
    default = Path(__file__).parents[4] / "shared"
    folder = Path(os.environ.get("MULTIPROT_SHARED", default)) / "data/pretrain/structures"
    if not folder.is_dir():
        pytest.skip(f"real data absent: no {folder} (set MULTIPROT_SHARED)")
    paths = [
        path for suffix in ("bcif", "cif", "pdb") for path in sorted(folder.glob(f"*.{suffix}.gz"))
    ]
    return [read_structure_file(path)[0].record for path in paths[:: len(paths) // 48][:48]]


def test_beta_carbons_lie_where_the_side_chain_points(records: list[ProteinRecord]) -> None:
    """Tetrahedral geometry of L-amino acids: nearly everywhere within 15 degrees."""
    found = []
    for record in records:
        structure = record.structure
        frames = backbone_frames(structure)
        beta = structure.coordinates[frames.rows, 4] - structure.coordinates[frames.rows, 1]
        cosine = np.einsum("ni,ni->n", unit(beta.astype(float)), direction_vectors(frames)[:, 2])
        found.append(cosine[structure.present[frames.rows, 4]])
    cosines = np.concatenate(found)
    assert len(cosines) > 2000
    assert np.mean(cosines > np.cos(np.radians(15))) > 0.97


def test_peptide_bonds_are_planar(records: list[ProteinRecord]) -> None:
    """Omega is near 180 degrees, and now and then, in cis, near 0."""
    cosines = []
    for record in records:
        frames = backbone_frames(record.structure)
        cosines.append(dihedral_scalars(frames)[frames.bonded, 5])
    omega = np.concatenate(cosines)
    assert np.mean(omega < np.cos(np.radians(150))) > 0.97
    assert np.mean(np.abs(omega) > np.cos(np.radians(30))) > 0.98


def test_tokens_are_finite_and_learn(records: list[ProteinRecord]) -> None:
    torch.manual_seed(0)
    model = GvpEncoder(GvpOptions(node_scalars=32, node_vectors=8, neighbours=16))
    few = sorted(records, key=len)[:12]
    out = model(model.featurizer(few, Layout.PADDED))
    for record, mask in zip(few, out.mask, strict=True):
        assert mask[: len(record)].tolist() == record.structure.has_frame.tolist()
    assert torch.isfinite(out.values).all()
    out.values.square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_vectors_of_real_chains_turn(records: list[ProteinRecord]) -> None:
    torch.manual_seed(0)
    model = GvpEncoder(GvpOptions(node_scalars=32, node_vectors=8, neighbours=30)).eval()
    matrix = Rotation.random(rng=0).as_matrix()
    few = sorted(records, key=len)[:8]
    moved = []
    for record in few:
        coordinates = (record.structure.coordinates @ matrix.T + 15.0).astype(np.float32)
        moved.append(replace(record, structure=replace(record.structure, coordinates=coordinates)))
    with torch.no_grad():
        found, other = (
            model.scalars_and_vectors(model.featurizer(each, Layout.PADDED))
            for each in (few, moved)
        )
    expected = found[1] @ torch.from_numpy(matrix.T).float()
    torch.testing.assert_close(other[0], found[0], atol=5e-3, rtol=5e-3)
    torch.testing.assert_close(other[1], expected, atol=5e-3, rtol=5e-3)
