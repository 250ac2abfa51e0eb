"""Frames and neighbours, against the obvious slow way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.encoders.contract import Layout
from multiprot.encoders.reference.backbone_graph import (
    BackboneFeaturizer,
    local_frames,
    nearest_residues,
)
from multiprot.encoders.reference.residue_geometry import edge_channels
from multiprot.testing import example_records
from multiprot.testing.records import backbone, broken, moved, protein, random_rotation


def test_frames_are_right_handed_and_turn_with_the_protein() -> None:
    rng = np.random.default_rng(0)
    record, rotation = protein(rng, "p", 25), random_rotation(rng)
    frames = local_frames(backbone(record))
    np.testing.assert_allclose(
        frames.transpose(0, 2, 1) @ frames, np.broadcast_to(np.eye(3), (25, 3, 3)), atol=1e-5
    )
    np.testing.assert_allclose(np.linalg.det(frames), 1, atol=1e-5)
    turned = local_frames(backbone(moved(record, rotation, np.ones(3))))
    np.testing.assert_allclose(turned, rotation @ frames, atol=1e-4)


def test_frames_need_three_atoms_that_are_not_in_line() -> None:
    records = {record.id: record for record in example_records()}
    structure = backbone(records["partial"])
    np.testing.assert_array_equal(local_frames(structure).any(axis=(1, 2)), structure.has_frame)
    line = structure.coordinates.copy()
    line[0, :3] = [[0, 0, 0], [1, 0, 0], [2, 0, 0]]
    assert not local_frames(replace(structure, coordinates=line))[0].any()


@settings(max_examples=60)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(0, 999))
def test_neighbours_are_the_nearest(residues: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    alpha, seen = rng.normal(0, 9, (residues, 3)), rng.random(residues) < 0.8
    rows, ranks, others, weights = nearest_residues(alpha, seen, count)
    assert ranks.max(initial=0) < count
    for residue in range(residues):
        found = others[rows == residue]
        apart = np.linalg.norm(alpha - alpha[residue], axis=1)
        apart[residue] = np.inf
        apart[~seen] = np.inf
        expected = np.argsort(apart)[: min(count, int(np.isfinite(apart).sum()))]
        assert found.tolist() == (expected.tolist() if seen[residue] else [])
        near = weights[rows == residue]
        assert (np.diff(near) <= 0).all(), "the nearer, the heavier"
        assert ((near >= 0) & (near <= 1)).all()


def test_a_tie_at_the_rim_has_no_weight() -> None:
    # Four atoms at the corners of a square around one: the third nearest is anybody's.
    square = np.array([[0, 0, 0], [3, 0, 0], [0, 3, 0], [-3, 0, 0], [0, -3, 0]], float)
    rows, _, _, weights = nearest_residues(square, np.ones(5, np.bool_), 2)
    np.testing.assert_allclose(weights[rows == 0], 0)


def test_residues_on_top_of_each_other_are_neighbours() -> None:
    rows, _, others, weights = nearest_residues(np.zeros((3, 3)), np.ones(3, np.bool_), 1)
    assert (rows != others).all()
    assert np.isfinite(weights).all()


def test_neighbours_stay_within_their_protein() -> None:
    features = BackboneFeaturizer(8)(example_records(), Layout.PACKED)
    owner = torch.repeat_interleave(torch.arange(len(features.lengths)), features.lengths)
    assert torch.equal(owner[features.neighbours], owner[:, None].expand(-1, 8))
    assert not features.weights[~features.mask].any()
    assert features.mask[features.neighbours][features.weights > 0].all()


def test_bonds_end_at_breaks_gaps_and_ends() -> None:
    record = protein(np.random.default_rng(0), "p", 12)
    features = BackboneFeaturizer(4)([broken(record, 5), record], Layout.PACKED)
    assert (~features.bonded).nonzero().flatten().tolist() == [5, 11, 23]


@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_edges_do_not_move_with_the_protein(shift: float) -> None:
    rng = np.random.default_rng(1)
    record, rotation = protein(rng, "p", 40), random_rotation(rng)
    # Summed as the encoder does: which of two equally far atoms comes first is open.
    still, turned = (
        (features.weights[..., None] * edge_channels(features)).sum(dim=1)
        for features in (
            BackboneFeaturizer(6)([r], Layout.PACKED)
            for r in (record, moved(record, rotation, np.full(3, shift)))
        )
    )
    torch.testing.assert_close(still, turned, atol=1e-2 if shift else 1e-4, rtol=0)
