"""Rotating and translating a file's coordinates changes nothing that does not move."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from multiprot.proteins import StructureReading, backbone_dihedrals, read_structure_file

ROUNDING = 2e-3
"""Å: two coordinates rounded to three decimals, three axes each, with a margin."""


def moved_pdb(text: str, rotation: Rotation, shift: NDArray[np.float64]) -> str:
    """The file with every coordinate line rotated and translated."""
    lines = text.splitlines()
    rows = [i for i, line in enumerate(lines) if line.startswith(("ATOM  ", "HETATM"))]
    xyz = [[float(lines[i][start : start + 8]) for start in (30, 38, 46)] for i in rows]
    for i, (x, y, z) in zip(rows, rotation.apply(xyz) + shift, strict=True):
        lines[i] = f"{lines[i][:30]}{x:8.3f}{y:8.3f}{z:8.3f}{lines[i][54:]}"
    return "\n".join(lines)


def distances(reading: StructureReading) -> NDArray[np.float64]:
    structure = reading.record.structure
    assert structure is not None
    points = structure.coordinates[structure.present].astype(np.float64)[::7]
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


@pytest.mark.parametrize("name", ["bp_1A8O.pdb.gz", "1f2n.pdb.gz", "bp_6WQA.cif.gz"])
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shift=st.tuples(*[st.floats(-500, 500)] * 3))
def test_invariants(
    shared: Path,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    seed: int,
    shift: tuple[float, float, float],
) -> None:
    source = shared / "data/structures_whole" / name
    text = gzip.decompress(source.read_bytes()).decode()
    rotation = Rotation.random(rng=np.random.default_rng(seed))
    move = moved_cif if ".cif" in name else moved_pdb
    path = tmp_path_factory.mktemp("moved") / name.removesuffix(".gz")
    path.write_text(move(text, rotation, np.array(shift)))
    for before, after in zip(read_structure_file(source), read_structure_file(path), strict=True):
        assert after.account == before.account
        old, new = before.record.structure, after.record.structure
        assert after.record.sequence == before.record.sequence
        for field in ("present", "chain_breaks", "confidence"):
            np.testing.assert_array_equal(getattr(old, field), getattr(new, field))
        assert old.confidence_kind == new.confidence_kind
        np.testing.assert_allclose(distances(after), distances(before), atol=ROUNDING)
        angles = backbone_dihedrals(new) - backbone_dihedrals(old)
        np.testing.assert_array_equal(
            np.isnan(backbone_dihedrals(new)), np.isnan(backbone_dihedrals(old))
        )
        assert np.nanmax(np.abs((angles + np.pi) % (2 * np.pi) - np.pi)) < 0.02


def moved_cif(text: str, rotation: Rotation, shift: NDArray[np.float64]) -> str:
    gemmi = pytest.importorskip("gemmi")
    block = gemmi.cif.read_string(text).sole_block()
    columns = [block.find_loop(f"_atom_site.Cartn_{axis}") for axis in "xyz"]
    xyz = np.array([[float(value) for value in column] for column in columns]).T
    for column, values in zip(columns, (rotation.apply(xyz) + shift).T, strict=True):
        for row, value in enumerate(values):
            column[row] = f"{value:.3f}"
    return block.as_string()
