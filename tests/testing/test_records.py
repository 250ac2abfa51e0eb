"""The generated proteins hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.proteins import ProteinRecord
from multiprot.proteins.geometry import backbone_dihedrals
from multiprot.testing import example_records
from multiprot.testing.records import backbone, moved, protein, random_rotation, without_atoms


def _by_id() -> dict[str, ProteinRecord]:
    return {record.id: record for record in example_records()}


def test_every_kind_of_trouble_is_there() -> None:
    records = _by_id()
    assert len(records["lone"]) == 1
    assert records["bare"].structure is None
    assert not backbone(records["blank"]).resolved.any()
    assert set("XBZUOJ") <= set(records["odd"].sequence)
    mixed = backbone(records["mixed"])
    assert mixed.chain_breaks.any()
    assert (~mixed.resolved).sum() == 7
    partial = backbone(records["partial"])
    assert partial.resolved.all()
    assert not partial.has_frame.all()


def test_the_same_seed_gives_the_same_proteins() -> None:
    assert example_records(3) == example_records(3)
    assert example_records(3) != example_records(4)


def test_a_helix_is_one() -> None:
    angles = np.degrees(backbone_dihedrals(backbone(_by_id()["helix"])))
    np.testing.assert_allclose(angles[1:-1, :2], [[-57, -47]] * 22, atol=0.1)


def test_glycine_has_no_beta_carbon() -> None:
    record = protein(np.random.default_rng(0), "p", 200)
    glycines = np.array([letter == "G" for letter in record.sequence])
    assert glycines.any()
    np.testing.assert_array_equal(backbone(record).present[:, 4], ~glycines)


@given(st.integers(0, 10_000))
def test_rotations_are_rotations(seed: int) -> None:
    rotation = random_rotation(np.random.default_rng(seed))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_moving_keeps_distances() -> None:
    record, rng = _by_id()["helix"], np.random.default_rng(0)
    there = backbone(moved(record, random_rotation(rng), np.array([5.0, -3.0, 8.0])))
    before, after = backbone(record).coordinates[:, 1], there.coordinates[:, 1]
    apart = [np.linalg.norm(x[:, None] - x[None], axis=-1) for x in (before, after)]
    np.testing.assert_allclose(*apart, atol=1e-4)
    assert not np.allclose(before, after)


def test_a_record_without_structure_stays_without() -> None:
    bare = _by_id()["bare"]
    assert moved(bare, np.eye(3), np.zeros(3)) is bare
    with pytest.raises(ValueError, match="bare has no structure"):
        without_atoms(bare, np.zeros((22, 5), np.bool_))
