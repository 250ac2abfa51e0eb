from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from multiprot.data.synthetic_backbone import (
    C_N,
    C_O,
    CA_C,
    CA_CB,
    N_CA,
    build_backbone,
    clashes,
    gyration_radius,
    place,
)
from multiprot.proteins import BackboneStructure, backbone_dihedrals

Floats = NDArray[np.float64]
HELIX = np.radians((-63.0, -42.0, 180.0))
STRAND = np.radians((-120.0, 132.0, 180.0))


def distance(first: Floats, second: Floats) -> Floats:
    return np.asarray(np.linalg.norm(first - second, axis=-1))


def angle(a: Floats, b: Floats, c: Floats) -> Floats:
    u, v = a - b, c - b
    cosine = (u * v).sum(axis=-1) / np.linalg.norm(u, axis=-1) / np.linalg.norm(v, axis=-1)
    return np.degrees(np.arccos(cosine))


def regular(torsions: Floats, residues: int) -> Floats:
    """One chain whose residues are all alike: [residue, atom, xyz]."""
    columns = (np.full((1, residues), value) for value in torsions)
    return build_backbone(*columns)[0]


@pytest.fixture(scope="module")
def torsions() -> Floats:
    return np.random.default_rng(0).uniform(-np.pi, np.pi, (20, 30, 3))


@pytest.fixture(scope="module")
def chains(torsions: Floats) -> Floats:
    return build_backbone(*np.moveaxis(torsions, 2, 0))


def test_bonds_have_their_lengths_whatever_the_torsions(chains: Floats) -> None:
    n, ca, c, o, cb = (chains[:, :, atom] for atom in range(5))
    for first, second, bond in (
        (n, ca, N_CA),
        (ca, c, CA_C),
        (c, o, C_O),
        (ca, cb, CA_CB),
        (c[:, :-1], n[:, 1:], C_N),
    ):
        assert distance(first, second) == pytest.approx(bond)


def test_bond_angles_are_those_of_peptides(chains: Floats) -> None:
    n, ca, c, o, cb = (chains[:, :, atom] for atom in range(5))
    assert angle(n, ca, c) == pytest.approx(111.0)
    assert angle(ca[:, :-1], c[:, :-1], n[:, 1:]) == pytest.approx(117.2)
    assert angle(c[:, :-1], n[:, 1:], ca[:, 1:]) == pytest.approx(121.7)
    assert angle(o[:, :-1], c[:, :-1], n[:, 1:]) == pytest.approx(122.7, abs=0.1)
    assert angle(n, ca, cb) == pytest.approx(110.5, abs=0.3)


def test_torsions_come_out_as_they_went_in(chains: Floats, torsions: Floats) -> None:
    for chain, given_angles in zip(chains, torsions, strict=True):
        found = backbone_dihedrals(
            BackboneStructure(
                coordinates=chain,
                present=np.ones(chain.shape[:2], bool),
                chain_breaks=np.zeros(len(chain), bool),
                confidence=np.full(len(chain), np.nan),
            )
        )
        turn = np.angle(np.exp(1j * (found - given_angles)))
        assert np.abs(turn[1:, 0]).max() < 1e-3
        assert np.abs(turn[:-1, 1]).max() < 1e-3
        assert np.abs(turn[:-1, 2]).max() < 1e-3


def test_residues_are_left_handed(chains: Floats) -> None:
    n, ca, c, _, cb = (chains[:, :, atom] for atom in range(5))
    volume = (np.cross(n - ca, c - ca) * (cb - ca)).sum(axis=-1)
    assert volume == pytest.approx(2.5, abs=0.1)


def test_oxygen_is_in_the_peptide_plane(chains: Floats) -> None:
    ca, c, o, n = chains[:, :-1, 1], chains[:, :-1, 2], chains[:, :-1, 3], chains[:, 1:, 0]
    normal = np.cross(ca - c, n - c)
    assert ((o - c) * normal).sum(axis=-1) == pytest.approx(0.0, abs=1e-9)


def test_trans_peptides_put_ca_at_3_8() -> None:
    ca = regular(STRAND, 20)[:, 1]
    assert distance(ca[:-1], ca[1:]) == pytest.approx(3.81, abs=0.02)


def test_a_helix_rises_and_turns_as_helices_do() -> None:
    ca = regular(HELIX, 40)[:, 1]
    # Over ten turns of 3.6 residues the way along the axis is 1.5 Å a residue.
    assert distance(ca[36], ca[0]) / 36 == pytest.approx(1.5, abs=0.1)
    assert distance(ca[3:], ca[:-3]) == pytest.approx(5.0, abs=0.4)
    steps = np.diff(ca, axis=0)
    handedness = (np.cross(steps[:-2], steps[1:-1]) * steps[2:]).sum(axis=1)
    assert (handedness > 0).all()


def test_a_helix_has_its_hydrogen_bonds() -> None:
    chain = regular(HELIX, 20)
    assert distance(chain[:-4, 3], chain[4:, 0]) == pytest.approx(3.0, abs=0.3)


def test_a_strand_is_stretched() -> None:
    ca = regular(STRAND, 21)[:, 1]
    assert distance(ca[20], ca[0]) / 20 == pytest.approx(3.3, abs=0.15)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_an_atom_is_placed_as_told(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(0, 3, (3, 3))
    torsion = float(rng.uniform(-np.pi, np.pi))
    d = place(a, b, c, 1.5, 110.0, np.array(torsion))
    assert distance(c, d) == pytest.approx(1.5)
    assert angle(b, c, d) == pytest.approx(110.0)
    first, second = np.cross(b - a, c - b), np.cross(c - b, d - c)
    sine = np.dot(np.cross(first, second), (c - b) / np.linalg.norm(c - b))
    assert np.arctan2(sine, np.dot(first, second)) == pytest.approx(torsion, abs=1e-6)


def test_chains_do_not_depend_on_each_other(chains: Floats, torsions: Floats) -> None:
    alone = build_backbone(*np.moveaxis(torsions[7:8], 2, 0))
    assert alone[0] == pytest.approx(chains[7])


def test_clashes_are_counted_among_residues_alone() -> None:
    ca = np.zeros((1, 6, 5, 3))
    ca[0, :, 1, 0] = [0, 3.8, 7.6, 11.4, 0.5, 0.0]
    everything = np.ones((1, 6), bool)
    assert clashes(ca, everything).tolist() == [3]
    without_last = everything.copy()
    without_last[0, 5] = False
    assert clashes(ca, without_last).tolist() == [2]


def test_the_gyration_radius_does_not_see_padding() -> None:
    chain = np.zeros((1, 3, 5, 3))
    chain[0, :, 1, 0] = [-2.0, 2.0, 999.0]
    assert gyration_radius(chain, np.array([[True, True, False]])) == pytest.approx(2.0)
