"""Dihedrals, directions and neighbours."""

from __future__ import annotations

import numpy as np
from biotite.structure import dihedral
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.proteins import BackboneStructure
from multiprot_gvp.geometry import (
    CONTACT_REACH,
    backbone_frames,
    chain_neighbours,
    dihedral_scalars,
    direction_vectors,
    nearest_neighbours,
    unit,
)


def structure(coordinates: np.ndarray, breaks: tuple[int, ...] = (), unseen: tuple[int, ...] = ()):
    coordinates = coordinates.astype(np.float32).copy()
    present = np.ones(coordinates.shape[:2], dtype=bool)
    present[list(unseen)] = False
    coordinates[list(unseen)] = np.nan
    chain_breaks = np.zeros(len(coordinates), dtype=bool)
    chain_breaks[list(breaks)] = True
    return BackboneStructure(
        coordinates=coordinates,
        present=present,
        chain_breaks=chain_breaks,
        confidence=np.full(len(coordinates), np.nan, np.float32),
    )


def atoms(residues: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    alpha = np.cumsum(rng.normal(size=(residues, 1, 3)) + np.array([3.0, 0, 0]), axis=0)
    return alpha + rng.normal(size=(residues, 5, 3))


def test_dihedrals_are_those_of_biotite() -> None:
    coordinates = atoms(12)
    scalars = dihedral_scalars(backbone_frames(structure(coordinates)))
    angles = np.arctan2(scalars[:, :3], scalars[:, 3:])
    n, ca, c = (coordinates[:, i] for i in range(3))
    np.testing.assert_allclose(angles[1:, 0], dihedral(c[:-1], n[1:], ca[1:], c[1:]), atol=1e-4)
    np.testing.assert_allclose(angles[:-1, 1], dihedral(n[:-1], ca[:-1], c[:-1], n[1:]), atol=1e-4)
    np.testing.assert_allclose(angles[:-1, 2], dihedral(ca[:-1], c[:-1], n[1:], ca[1:]), atol=1e-4)


def test_undefined_dihedrals_are_zero_and_defined_ones_of_length_one() -> None:
    frames = backbone_frames(structure(atoms(10), breaks=(3,), unseen=(7,)))
    scalars = dihedral_scalars(frames)
    length = scalars[:, :3] ** 2 + scalars[:, 3:] ** 2
    rows = frames.rows.tolist()
    expected = np.array(
        [[r not in (0, 4, 8), r not in (3, 6, 9), r not in (3, 6, 9)] for r in rows], float
    )
    assert rows == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    np.testing.assert_allclose(length, expected, atol=1e-9)


def test_directions_end_at_breaks_and_gaps() -> None:
    frames = backbone_frames(structure(atoms(10), breaks=(3,), unseen=(7,)))
    length = np.linalg.norm(direction_vectors(frames), axis=-1)
    np.testing.assert_allclose(length[:, 2], 1.0)
    np.testing.assert_allclose(length[:, 0], [1, 1, 1, 0, 1, 1, 0, 1, 0], atol=1e-9)
    np.testing.assert_allclose(length[:, 1], [0, 1, 1, 1, 0, 1, 1, 0, 1], atol=1e-9)


def test_forward_points_to_the_next_alpha_carbon() -> None:
    coordinates = atoms(4)
    vectors = direction_vectors(backbone_frames(structure(coordinates)))
    step = coordinates[2, 1] - coordinates[1, 1]
    np.testing.assert_allclose(vectors[1, 0], step / np.linalg.norm(step), atol=1e-5)
    np.testing.assert_allclose(vectors[2, 1], -vectors[1, 0])


def test_side_chain_points_to_an_ideal_beta_carbon() -> None:
    """L-alanine's own coordinates (CA at the origin, ideal geometry, Å)."""
    residue = np.array(
        [[1.458, 0, 0], [0, 0, 0], [-0.547, 0, -1.424], [0, 0, 0], [-0.525, 1.218, 0.781]]
    )[None]
    residue[:, 3] = [0.1, 0.2, -2.2]
    vectors = direction_vectors(backbone_frames(structure(residue)))
    beta = residue[0, 4] / np.linalg.norm(residue[0, 4])
    handed = np.linalg.det([residue[0, 0], residue[0, 2], beta])
    assert np.sign(np.linalg.det([residue[0, 0], residue[0, 2], vectors[0, 2]])) == np.sign(handed)
    assert float(vectors[0, 2] @ beta) > 0.98


@given(nodes=st.integers(0, 40), count=st.integers(1, 12), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_neighbours_are_the_nearest_others(nodes: int, count: int, seed: int) -> None:
    places = np.random.default_rng(seed).normal(size=(nodes, 3))
    found = nearest_neighbours(places, count)
    assert found.shape == (nodes, count)
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    for node in range(nodes):
        expected = np.argsort(distances[node])[: min(count, nodes - 1)]
        assert found[node, : len(expected)].tolist() == expected.tolist()
        assert (found[node, len(expected) :] == -1).all()


@given(nodes=st.integers(0, 40), count=st.integers(1, 12), seed=st.integers(0, 999))
@settings(max_examples=80, deadline=None)
def test_across_a_break_only_contacts_are_neighbours(nodes: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(nodes, 3)) * rng.choice([3.0, 12.0, 40.0])
    segments = np.cumsum(rng.random(nodes) < 0.1)
    found = chain_neighbours(places, segments, count)
    assert found.shape == (nodes, count)
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    distances[(segments[:, None] != segments) & (distances > CONTACT_REACH)] = np.inf
    for node in range(nodes):
        allowed = int(np.isfinite(distances[node]).sum())
        expected = np.argsort(distances[node])[: min(count, allowed)]
        assert found[node, : len(expected)].tolist() == expected.tolist()
        assert (found[node, len(expected) :] == -1).all()


def test_in_a_whole_chain_the_reach_does_not_matter() -> None:
    places = np.random.default_rng(0).normal(size=(30, 3)) * 60.0
    found = chain_neighbours(places, np.full(30, 4), 12)
    assert np.array_equal(found, nearest_neighbours(places, 12))


def test_residues_on_one_spot_are_never_their_own_neighbours() -> None:
    found = nearest_neighbours(np.zeros((9, 3)), 4)
    assert not (found == np.arange(9)[:, None]).any()
    assert all(len(set(row)) == 4 for row in found.tolist())


def test_one_spot_is_no_direction() -> None:
    assert np.array_equal(unit(np.zeros((2, 3))), np.zeros((2, 3)))


def test_a_structure_without_frames_has_no_node() -> None:
    blank = structure(atoms(3), unseen=(0, 1, 2))
    assert len(backbone_frames(blank).rows) == 0
    assert dihedral_scalars(backbone_frames(blank)).shape == (0, 6)
