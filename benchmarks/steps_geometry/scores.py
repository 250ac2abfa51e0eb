"""Accuracy and likelihood of guesses, and of the baselines on the same pairs and angles."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import i0e

from benchmarks.steps_geometry.frequencies import FARTHEST, AngleFrequencies, DistanceFrequencies
from benchmarks.steps_geometry.guesses import Guesses
from multiprot.proteins import AMINO_ACIDS

ANGLES: Final = ("phi", "psi", "omega")


class DistanceScores:
    """Means over proteins of means over the pairs that the graph does not give away.

    Parameters
    ----------
    known
        The baselines.
    width, nearest
        Å: of a bin, and nearer pairs do not count.
    """

    def __init__(self, known: DistanceFrequencies, width: float, nearest: float) -> None:
        self._known, self._width, self._nearest = known, width, nearest
        self._found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)

    def add(self, guesses: Guesses) -> None:
        """Count one protein."""
        first, second = np.triu_indices(len(guesses.residues), 1)
        apart = guesses.distances[first, second]
        far = apart >= self._nearest
        if not far.any():
            return
        first, second, apart = first[far], second[far], apart[far]
        along = np.minimum(guesses.residues[second] - guesses.residues[first], FARTHEST)
        bins = guesses.log_shares.shape[2]
        truth = np.minimum(apart / self._width, bins - 1).astype(np.int64)
        ways = {
            "model": guesses.log_shares[first, second],
            "frequencies": np.broadcast_to(np.log(self._known.overall), (len(truth), bins)),
            "frequencies at each separation": np.log(self._known.separated[along]),
        }
        for name, told in ways.items():
            off = np.abs(told.argmax(axis=1) - truth)
            nats = -told[np.arange(len(truth)), truth].mean()
            self._found[name].append((float((off == 0).mean()), float(off.mean()), float(nats)))

    def table(self) -> dict[str, dict[str, float]]:
        """Way -> accuracy, mean error in bins, nats a pair."""
        return {
            name: _means(found, ("accuracy", "bins_off", "nats"))
            for name, found in self._found.items()
        }


class AngleScores:
    """Means over all hidden angles, each angle apart.

    Parameters
    ----------
    known
        The baselines.
    """

    def __init__(self, known: AngleFrequencies) -> None:
        self._known = known
        self._found: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)

    def add(self, guesses: Guesses) -> None:
        """Count one protein."""
        known = self._known
        kinds = np.array([AMINO_ACIDS.find(letter) for letter in guesses.sequence])
        for column, angle in enumerate(ANGLES):
            asked = guesses.hidden[:, column]
            truth, vectors = guesses.angles[asked, column], guesses.vectors[asked, column]
            own = np.arctan2(vectors[:, 1], vectors[:, 0])
            length = np.hypot(vectors[:, 0], vectors[:, 1]).astype(np.float64)
            fit = np.full(len(truth), known.concentration[column])
            rows = {
                "model": (own, own, von_mises_nats(truth, own, length)),
                "constant": (
                    known.mode[-1, column],
                    known.mean[-1, column],
                    von_mises_nats(truth, known.centre[column], fit),
                ),
                # A letter that is none of the twenty has the last row, that of all.
                "constant of the amino acid": (
                    known.mode[kinds[asked], column],
                    known.mean[kinds[asked], column],
                    np.full(len(truth), np.nan),
                ),
            }
            for name, (mode, mean, nats) in rows.items():
                within, off = degrees(truth, mode) <= 30, degrees(truth, mean)
                self._found[name, angle] += list(zip(within, off, nats, strict=True))

    def table(self) -> dict[str, dict[str, dict[str, float]]]:
        """Way -> angle -> share within 30°, mean error in degrees, nats an angle."""
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        for (name, angle), values in self._found.items():
            found[name][angle] = _means(values, ("within_30", "degrees_off", "nats"))
        return dict(found)


def degrees(angles: NDArray[np.float64], others: Any) -> NDArray[np.float64]:
    """How far apart angles in radians are on the circle: degrees, 0 … 180."""
    turned = np.mod(angles - others + math.pi, 2 * math.pi) - math.pi
    found: NDArray[np.float64] = np.rad2deg(np.abs(turned))
    return found


def von_mises_nats(
    truth: NDArray[np.float64], centre: Any, concentration: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Negative log likelihood of angles (radians) under von Mises densities."""
    bessel = np.log(i0e(concentration)) + concentration
    found: NDArray[np.float64] = (
        math.log(2 * math.pi) + bessel - concentration * np.cos(truth - centre)
    )
    return found


def _means(rows: list[tuple[float, float, float]], names: tuple[str, ...]) -> dict[str, float]:
    return dict(zip(names, np.mean(np.array(rows, float), axis=0).round(4).tolist(), strict=True))
