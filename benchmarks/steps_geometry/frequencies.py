"""What the train structures' frequencies alone say: the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import vonmises

from multiprot.objectives.pairwise_distance import drawn_pairs
from multiprot.proteins import AMINO_ACIDS, BACKBONE_ATOMS, ProteinRecord, backbone_dihedrals

CA: Final = BACKBONE_ATOMS.index("CA")
PAIRS: Final = 20_000
"""Drawn of each protein."""
FARTHEST: Final = 256
"""Separations along the chain from here on count as one."""
DEGREES: Final = 360


@dataclass(frozen=True, slots=True)
class DistanceFrequencies:
    """Frequencies of distance bins among pairs that are not given away.

    Attributes
    ----------
    overall
        float64 [bin].
    separated
        float64 [separation, bin]: by how far apart residues are along the chain.
    """

    overall: NDArray[np.float64]
    separated: NDArray[np.float64]

    @classmethod
    def of(
        cls, records: Sequence[ProteinRecord], bins: int, width: float, nearest: float
    ) -> DistanceFrequencies:
        """Of the pairs of some proteins; each bin is counted once more than seen."""
        counts = np.ones((FARTHEST + 1, bins))
        for number, record in enumerate(records):
            apart, along = pairs_of(record, number)
            counted = apart >= nearest
            binned = np.minimum(apart[counted] / width, bins - 1).astype(np.int64)
            np.add.at(counts, (np.minimum(along[counted], FARTHEST), binned), 1)
        overall = counts.sum(axis=0)
        return cls(overall / overall.sum(), counts / counts.sum(axis=1, keepdims=True))


def pairs_of(record: ProteinRecord, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """CA distances (Å) and separations along the chain of drawn pairs of one protein."""
    if record.structure is None:
        raise ValueError(f"{record.id}: no structure")
    known = np.flatnonzero(record.structure.present[:, CA])
    drawn = drawn_pairs(len(known), PAIRS, seed)
    first, second = np.triu_indices(len(known), 1) if drawn is None else drawn.numpy()
    places = record.structure.coordinates[known, CA].astype(np.float64)
    return np.linalg.norm(places[first] - places[second], axis=1), known[second] - known[first]


@dataclass(frozen=True, slots=True)
class AngleFrequencies:
    """The best constant guess of each angle, for all residues and for each amino acid.

    Attributes
    ----------
    mode
        float64 [amino acid + 1, angle], radians: middle of the 60° that most angles lie in; the
        last row is of all residues.
    mean
        float64 [amino acid + 1, angle], radians: its mean absolute error is the least.
    concentration
        float64 [angle], and `centre` its mean: of the likeliest von Mises density, all residues.
    """

    mode: NDArray[np.float64]
    mean: NDArray[np.float64]
    concentration: NDArray[np.float64]
    centre: NDArray[np.float64]

    @classmethod
    def of(cls, records: Sequence[ProteinRecord]) -> AngleFrequencies:
        """Of some proteins; amino acids without an angle guess what all do."""
        angles = np.concatenate([_angles(record) for record in records])
        letters = np.concatenate([np.array(list(record.sequence)) for record in records])
        kinds = [letters == letter for letter in AMINO_ACIDS] + [np.ones(len(letters), bool)]
        groups = [[_known(angles[kind, n]) for n in range(angles.shape[1])] for kind in kinds]
        guesses = np.array(
            [
                [_best(group if len(group) else groups[-1][n]) for n, group in enumerate(each)]
                for each in groups
            ]
        )
        fits = np.array([vonmises.fit(group, fscale=1)[:2] for group in groups[-1]])
        return cls(guesses[..., 0], guesses[..., 1], fits[:, 0], fits[:, 1])


def _angles(record: ProteinRecord) -> NDArray[np.float64]:
    if record.structure is None:
        raise ValueError(f"{record.id}: no structure")
    return backbone_dihedrals(record.structure).astype(np.float64)


def _known(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    return angles[np.isfinite(angles)]


def _best(angles: NDArray[np.float64]) -> tuple[float, float]:
    """Middle of the fullest 60°, and the angle of the least mean absolute error; whole degrees."""
    degrees = np.floor(np.rad2deg(angles)).astype(np.int64) % DEGREES
    counts = np.bincount(degrees, minlength=DEGREES).astype(np.float64)
    steps = np.abs((np.arange(DEGREES)[:, None] - np.arange(DEGREES) + 180) % DEGREES - 180)
    within = np.where(steps <= 30, counts, 0).sum(axis=1)
    off = (steps * counts).sum(axis=1)
    middle = [np.deg2rad(float(each) + 0.5) for each in (within.argmax(), off.argmin())]
    return middle[0], middle[1]
