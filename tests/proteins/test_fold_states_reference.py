"""3Di states against a reference residue by residue, and against biotite.

The reference follows van Kempen et al. 2024 in float64 and shares with multiprot only the trained
network's weights, which nobody can derive.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np
from biotite.structure import AtomArray
from biotite.structure.alphabet import to_3di
from biotite.structure.alphabet.encoder import Encoder
from biotite.structure.alphabet.unkerasify import load_kerasify
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from multiprot.proteins import (
    UNDEFINED_STATE,
    UNRESOLVED_STATE,
    BackboneStructure,
    ProteinRecord,
    fold_state_letters,
    fold_state_numbers,
)
from tests.proteins.made_up_chains import chain, structure


def towards(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Unit vector from one atom to another."""
    return (end - start) / np.linalg.norm(end - start)


def built_c_beta(nitrogen: np.ndarray, alpha: np.ndarray, carbon: np.ndarray) -> np.ndarray:
    """A tetrahedral Cβ 1.5336 Å from CA: as far from N–CA as from C–CA, on the L side.

    Foldseek leans on the direction to C and completes it to a tetrahedron towards N's side.
    """
    axis = towards(alpha, carbon)
    beside = towards(alpha, nitrogen) + axis / 3
    above = np.cross(axis, beside)
    beside, above = beside / np.linalg.norm(beside), above / np.linalg.norm(above)
    direction = -axis / 3 - np.sqrt(8) / 3 * (beside / 2 + above * np.sqrt(3) / 2)
    return alpha + 1.5336 * direction


def virtual_centre(atoms: np.ndarray, *, ideal: bool) -> np.ndarray:
    """CA–CB turned by 270° in the plane of N, CA and CB and drawn out to twice its length."""
    nitrogen, alpha, carbon, _, beta = atoms
    if ideal or np.isnan(beta).any():
        beta = built_c_beta(nitrogen, alpha, carbon)
    axis = np.cross(beta - alpha, nitrogen - alpha)
    turn = Rotation.from_rotvec(np.radians(270.0) * axis / np.linalg.norm(axis))
    return alpha + 2.0 * turn.apply(beta - alpha)


def descriptors(alpha: np.ndarray, i: int, j: int) -> list[float]:
    """Ten numbers of residue i with partner j, from CA [residue, xyz]."""
    before, after = towards(alpha[i - 1], alpha[i]), towards(alpha[i], alpha[i + 1])
    earlier, later = towards(alpha[j - 1], alpha[j]), towards(alpha[j], alpha[j + 1])
    across = towards(alpha[i], alpha[j])
    pairs = [(before, after), (earlier, later), (before, across), (earlier, across)]
    pairs += [(before, later), (after, earlier), (before, earlier)]
    steps = j - i
    return [
        *(float(x @ y) for x, y in pairs),
        float(np.linalg.norm(alpha[i] - alpha[j])),
        float(np.clip(steps, -4, 4)),
        float(np.sign(steps) * np.log(abs(steps) + 1)),
    ]


def network(numbers: list[float]) -> int:
    """The state nearest to where Foldseek's network puts the descriptors."""
    weights = files("biotite.structure.alphabet") / "encoder_weights_3di.kerasify"
    point = np.array([numbers])
    for layer in load_kerasify(weights):
        point = point @ layer.weights + layer.biases
        point = np.maximum(point, 0.0) if layer.activation else point
    centroids = Encoder._CENTROIDS
    return int(np.linalg.norm(centroids - point, axis=1).argmin())


def reference(structure: BackboneStructure, *, ideal: bool = False) -> list[int]:
    """States as `multiprot.proteins.fold_state_numbers` defines them, the slow way."""
    frames, seen = structure.has_frame, np.flatnonzero(structure.present[:, 1])
    found = [UNDEFINED_STATE if framed else UNRESOLVED_STATE for framed in frames]
    if not len(seen):
        return found
    places: list[int | None] = []
    for residue in range(seen[0], seen[-1] + 1):
        places.append(residue)
        if structure.chain_breaks[residue] and frames[residue] and frames[residue + 1]:
            places.append(None)
    whole = [place is not None and bool(frames[place]) for place in places]
    atoms = np.full((len(places), 5, 3), np.nan)
    for row, place in enumerate(places):
        if place is not None:
            atoms[row] = structure.coordinates[place]
    inner = [row for row in range(1, len(places) - 1) if whole[row]]
    centres = {row: virtual_centre(atoms[row], ideal=ideal) for row in inner}
    for i in inner:
        others = [j for j in inner if j != i]
        if not others:
            continue
        j = min(others, key=lambda row: float(np.linalg.norm(centres[row] - centres[i])))
        if all(whole[row + step] for row in (i, j) for step in (-1, 0, 1)):
            found[places[i]] = network(descriptors(atoms[:, 1], i, j))
    return found


def biotites(folded: BackboneStructure) -> str:
    """What biotite makes of the atoms that are there, one chain of consecutive residues."""
    which = np.argwhere(folded.present)
    atoms = AtomArray(len(which))
    atoms.coord = folded.coordinates[folded.present]
    atoms.res_id = which[:, 0] + 1
    atoms.atom_name = np.array(["N", "CA", "C", "O", "CB"])[which[:, 1]]
    atoms.chain_id[:] = "A"
    return str(to_3di(atoms)[0][0]).upper()


@st.composite
def structures(draw: st.DrawFn) -> BackboneStructure:
    residues = draw(st.integers(1, 40))
    rows = st.integers(0, residues - 1)
    single = draw(st.lists(st.tuples(rows, st.integers(0, 4)), max_size=6))
    gone = draw(st.lists(rows, max_size=6))
    breaks = (
        draw(st.lists(rows.filter(lambda row: row < residues - 1), max_size=3))
        if (residues > 1)
        else []
    )
    coordinates = chain(residues, draw(st.integers(0, 10_000)))
    return structure(
        coordinates, tuple(breaks), (*single, *((row, atom) for row in gone for atom in range(5)))
    )


@given(folded=structures(), ideal=st.booleans())
@settings(max_examples=80, deadline=None)
def test_states_are_those_of_the_slow_reference(folded: BackboneStructure, ideal: bool) -> None:
    assert fold_state_numbers(folded, ideal_c_beta=ideal).tolist() == reference(folded, ideal=ideal)


@given(residues=st.integers(4, 60), seed=st.integers(0, 10_000), data=st.data())
@settings(max_examples=40, deadline=None)
def test_unbroken_chains_have_biotites_states(
    residues: int, seed: int, data: st.DataObject
) -> None:
    glycines = data.draw(st.sets(st.integers(0, residues - 1)))
    folded = structure(chain(residues, seed), unseen=tuple((row, 4) for row in glycines))
    record = ProteinRecord(id="a", sequence="A" * residues, structure=folded)
    assert fold_state_letters(record) == biotites(folded)


def test_states_are_of_many_kinds() -> None:
    """Without this, the comparisons above could hold between chains of one state."""
    found = np.concatenate([fold_state_numbers(structure(chain(60, seed))) for seed in range(20)])
    assert len(np.unique(found)) > 12
