"""Folds as strings of helix, strand and loop, with torsion angles and residues to match."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.data.synthetic_backbone import (
    Floats,
    build_backbone,
    clashes,
    gyration_radius,
)
from multiprot.proteins import AMINO_ACIDS

HELIX, STRAND, LOOP = "H", "E", "C"

# Centres (phi, psi) in degrees and the shares of a loop's residues in each basin; a left-handed
# residue becomes glycine, aspartate or asparagine, as in real loops.
_HELIX_CENTRE: Final = (-63.0, -42.0)
_STRAND_CENTRE: Final = (-120.0, 132.0)
_LOOP_CENTRES: Final = np.array([(-70.0, 145.0), (-75.0, -30.0), (-105.0, 120.0), (57.0, 42.0)])
_LOOP_SHARES: Final = (0.45, 0.25, 0.2, 0.1)
_SPREAD: Final = {HELIX: 5.0, STRAND: 12.0, LOOP: 14.0}
_OMEGA_SPREAD: Final = 3.0

# Relative propensities, by feature rather than digit: formers high, breakers low.
_FAVOURED: Final = {
    HELIX: {"A": 5.0, "L": 4.0, "E": 4.0, "K": 3.5, "M": 2.5, "Q": 2.5, "R": 3.0, "P": 0.1},
    STRAND: {"V": 5.0, "I": 4.5, "T": 3.5, "Y": 3.0, "F": 3.0, "W": 2.0, "P": 0.2, "D": 0.5},
    LOOP: {"G": 4.0, "P": 4.0, "S": 3.5, "N": 3.5, "D": 3.5, "I": 0.5, "L": 0.7, "M": 0.4},
}
_BURIED: Final = {"A": 2.0, "F": 3.5, "I": 4.0, "L": 5.0, "M": 2.5, "V": 4.0, "W": 2.0, "Y": 2.0}
_TURN_RESIDUES: Final = "GGGND"

# Residues per turn of the buried face: 3.6 in helices, every other one in strands.
_BURIED_PERIOD: Final = {HELIX: 3.6, STRAND: 2.0}


def draw_fold(rng: np.random.Generator, kind: int) -> str:
    """Secondary structure of a fold, one letter per residue, 55 to 130 residues.

    `kind` 0 is all-helix, 1 all-strand, 2 alternates, 3 has strands first and helices last.
    """
    elements = int(rng.integers(5, 8))
    patterns = (HELIX * elements, STRAND * (elements + 2), (STRAND + HELIX) * elements)
    mixed = STRAND * (elements // 2 + 1) + HELIX * (elements // 2)
    pattern = (*(p[: elements + (kind == 1) * 2] for p in patterns), mixed)[kind % 4]
    fold = LOOP * int(rng.integers(2, 5))
    for element in pattern:
        length = rng.integers(9, 15) if element == HELIX else rng.integers(5, 9)
        fold += element * int(length) + LOOP * int(rng.integers(3, 7))
    return fold


def draw_torsions(rng: np.random.Generator, fold: str, count: int) -> Floats:
    """[chain, residue, 3]: phi, psi, omega in radians for `count` chains of one fold."""
    torsions = np.empty((count, len(fold), 3))
    basin = rng.choice(len(_LOOP_CENTRES), size=(count, len(fold)), p=_LOOP_SHARES)
    for position, state in enumerate(fold):
        centre = {HELIX: _HELIX_CENTRE, STRAND: _STRAND_CENTRE}.get(state)
        torsions[:, position, :2] = (
            _LOOP_CENTRES[basin[:, position]] if centre is None else np.array(centre)
        )
        torsions[:, position, :2] += rng.normal(0.0, _SPREAD[state], (count, 2))
    torsions[:, :, 2] = 180.0 + rng.normal(0.0, _OMEGA_SPREAD, (count, len(fold)))
    return np.asarray(np.radians(torsions))


def fold_torsions(rng: np.random.Generator, fold: str, candidates: int = 96) -> Floats:
    """[residue, 3]: of `candidates` drawn chains the one with fewest clashes, then most compact."""
    torsions = draw_torsions(rng, fold, candidates)
    backbones = build_backbone(*np.moveaxis(torsions, 2, 0))
    mask = np.ones(torsions.shape[:2], dtype=np.bool_)
    best = np.lexsort((gyration_radius(backbones, mask), clashes(backbones, mask)))[0]
    return np.asarray(torsions[best])


def draw_residues(rng: np.random.Generator, fold: str, torsions: Floats) -> str:
    """A sequence whose residues suit the fold: propensities, a buried face, turns."""
    return "".join(
        draw_residue(rng, fold, position, left_handed=bool(torsions[position, 0] > 0))
        for position in range(len(fold))
    )


def draw_residue(rng: np.random.Generator, fold: str, position: int, *, left_handed: bool) -> str:
    """One residue for one position of a fold."""
    if left_handed:
        return _TURN_RESIDUES[int(rng.integers(len(_TURN_RESIDUES)))]
    weights = _PROPENSITY[fold[position], is_buried(fold, position)]
    return AMINO_ACIDS[int(np.searchsorted(weights, rng.random()))]


def is_buried(fold: str, position: int) -> bool:
    """Whether the residue lies on its element's buried face."""
    period = _BURIED_PERIOD.get(fold[position])
    return period is not None and position % period < period / 2


def _cumulative(state: str, buried: bool) -> NDArray[np.float64]:
    weights = np.array([_FAVOURED[state].get(letter, 1.0) for letter in AMINO_ACIDS])
    if buried:
        weights = weights * np.array([_BURIED.get(letter, 0.4) for letter in AMINO_ACIDS])
    total = np.cumsum(weights / weights.sum())
    total[-1] = 1.0
    return np.asarray(total)


_PROPENSITY: Final = {
    (state, buried): _cumulative(state, buried)
    for state in (HELIX, STRAND, LOOP)
    for buried in (False, True)
}
