"""Angles and virtual atoms: invariant under motion, undefined where the chain is broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from multiprot.proteins import (
    BackboneStructure,
    backbone_dihedrals,
    read_structure_file,
    virtual_c_beta,
)
from multiprot.proteins.geometry import dihedral


def moved(structure: BackboneStructure, rotation: Rotation, shift: float) -> BackboneStructure:
    turned = rotation.apply(structure.coordinates.reshape(-1, 3)).reshape(-1, 5, 3) + shift
    return BackboneStructure(
        coordinates=turned,
        present=structure.present,
        chain_breaks=structure.chain_breaks,
        confidence=structure.confidence,
        confidence_kind=structure.confidence_kind,
    )


def read(shared: Path, name: str) -> BackboneStructure:
    structure = read_structure_file(shared / "data/structures_whole" / name)[0].record.structure
    assert structure is not None
    return structure


def angle_error(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.abs((a - b + np.pi) % (2 * np.pi) - np.pi)


@given(hnp.arrays(np.float64, 4, elements=st.floats(-3, 3)), st.integers(0, 99))
def test_dihedral_recovers_the_angle_it_was_built_with(
    numbers: NDArray[np.float64], seed: int
) -> None:
    angle = numbers[0]
    points = np.array(
        [[1.0, 0, -1], [0, 0, 0], [0, 0, 1.5], [np.cos(angle), np.sin(angle), 1.5 + numbers[1]]]
    )
    points = Rotation.random(rng=np.random.default_rng(seed)).apply(points) + numbers[2]
    found = dihedral(*points[:, None])[0]
    assert found == pytest.approx(angle, abs=1e-6)


def test_points_on_a_line_have_no_dihedral() -> None:
    line = np.arange(4.0)[:, None, None] * np.ones((1, 1, 3))
    assert np.isnan(dihedral(*line))


def test_dihedrals_agree_with_biotite(shared: Path) -> None:
    struc = pytest.importorskip("biotite.structure")
    pdbx = pytest.importorskip("biotite.structure.io.pdbx")
    path = shared / "data/structures_whole/1aki.bcif.gz"
    import gzip

    with gzip.open(path) as handle:
        atoms = pdbx.get_structure(pdbx.BinaryCIFFile.read(handle), model=1)
    expected = np.stack(struc.dihedral_backbone(atoms[struc.filter_amino_acids(atoms)]), axis=1)
    found = backbone_dihedrals(read(shared, "1aki.cif.gz"))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    assert np.nanmax(angle_error(found, expected)) < 1e-3


@pytest.mark.parametrize("name", ["1o1z.cif.gz", "bp_6WQA.cif.gz"])
@pytest.mark.parametrize("seed", [1, 2])
def test_motion_changes_no_angle_and_moves_virtual_atoms_along(
    shared: Path, name: str, seed: int
) -> None:
    structure = read(shared, name)
    rotation = Rotation.random(rng=np.random.default_rng(seed))
    turned = moved(structure, rotation, 10.0 * seed)
    before, after = backbone_dihedrals(structure), backbone_dihedrals(turned)
    np.testing.assert_array_equal(np.isnan(before), np.isnan(after))
    assert np.nanmax(angle_error(before, after)) < 1e-3
    expected = rotation.apply(virtual_c_beta(structure)) + 10.0 * seed
    np.testing.assert_allclose(virtual_c_beta(turned), expected, atol=1e-3)


def test_a_mirror_image_flips_every_angle(shared: Path) -> None:
    structure = read(shared, "1aki.cif.gz")
    mirrored = BackboneStructure(
        coordinates=structure.coordinates * np.array([-1, 1, 1], dtype=np.float32),
        present=structure.present,
        chain_breaks=structure.chain_breaks,
        confidence=structure.confidence,
        confidence_kind=structure.confidence_kind,
    )
    found = angle_error(backbone_dihedrals(mirrored), -backbone_dihedrals(structure))
    assert np.nanmax(found) < 1e-5


def test_angles_are_undefined_beside_breaks_and_gaps(shared: Path) -> None:
    structure = read(shared, "1o1z.cif.gz")
    unresolved = np.flatnonzero(~structure.resolved)
    breaks = structure.chain_breaks.copy()
    breaks[50] = True
    broken = BackboneStructure(
        coordinates=structure.coordinates,
        present=structure.present,
        chain_breaks=breaks,
        confidence=structure.confidence,
        confidence_kind=structure.confidence_kind,
    )
    angles = backbone_dihedrals(broken)
    assert np.isnan(angles[unresolved]).all()
    assert np.isnan(angles[50]).tolist() == [False, True, True]
    assert np.isnan(angles[51]).tolist() == [True, False, False]
    assert np.isnan(angles[0, 0])
    assert np.isnan(angles[-1, 1:]).all()


def test_a_single_residue_has_no_angles(shared: Path) -> None:
    assert np.isnan(backbone_dihedrals(read(shared, "1aki.cif.gz").crop(0, 1))).all()


def test_virtual_c_beta_is_near_the_real_one(shared: Path) -> None:
    structure = read(shared, "3o5r.cif.gz")
    distance = np.linalg.norm(virtual_c_beta(structure) - structure.coordinates[:, 4], axis=1)
    assert np.nanmedian(distance) < 0.1
    assert np.nanmax(distance) < 0.5
    glycine = ~structure.present[:, 4]
    assert glycine.any()
    assert np.isfinite(virtual_c_beta(structure)[glycine]).all()
