"""Figures and pictures of guessed geometry, against loops and scipy."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import vonmises

from benchmarks.steps_geometry.frequencies import (
    CA,
    AngleFrequencies,
    DistanceFrequencies,
    pairs_of,
)
from benchmarks.steps_geometry.guesses import Guesses
from benchmarks.steps_geometry.pictures import draw
from benchmarks.steps_geometry.scores import AngleScores, DistanceScores, degrees, von_mises_nats
from multiprot.data.synthetic import SyntheticOptions, synthetic_records
from multiprot.proteins import AMINO_ACIDS, ProteinRecord, backbone_dihedrals

BINS, WIDTH, NEAREST = 30, 5.0, 7.0


@pytest.fixture(scope="module")
def records() -> list[ProteinRecord]:
    found = [record for record, _ in synthetic_records(SyntheticOptions(families=2))]
    return [record for record in found if record.structure is not None][:12]


def perfect(record: ProteinRecord) -> Guesses:
    known = np.flatnonzero(record.structure.present[:, CA])
    places = record.structure.coordinates[known, CA].astype(np.float64)
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    truth = np.minimum(distances / WIDTH, BINS - 1).astype(int)
    angles = backbone_dihedrals(record.structure).astype(np.float64)
    told = np.where(np.isfinite(angles), angles, 0.0)
    return Guesses(
        record.id,
        record.sequence,
        known,
        distances,
        np.log(np.eye(BINS)[truth] * (1 - 1e-6) + 1e-6 / BINS).astype(np.float32),
        np.isfinite(angles),
        told,
        (50 * np.stack([np.cos(told), np.sin(told)], axis=2)).astype(np.float32),
    )


def test_a_perfect_guesser_is_right_and_baselines_are_those_of_a_loop(
    records: list[ProteinRecord],
) -> None:
    known = DistanceFrequencies.of(records[:8], BINS, WIDTH, NEAREST)
    scores = DistanceScores(known, WIDTH, NEAREST)
    guesses = perfect(records[9])
    scores.add(guesses)
    table = scores.table()
    assert table["model"] == {"accuracy": 1.0, "bins_off": 0.0, "nats": 0.0}
    right, nats = [], []
    for i in range(len(guesses.residues)):
        for j in range(i + 1, len(guesses.residues)):
            if guesses.distances[i, j] >= NEAREST:
                place = min(int(guesses.distances[i, j] / WIDTH), BINS - 1)
                shares = known.separated[guesses.residues[j] - guesses.residues[i]]
                right.append(shares.argmax() == place)
                nats.append(-math.log(shares[place]))
    found = table["frequencies at each separation"]
    assert found["accuracy"] == pytest.approx(np.mean(right), abs=1e-4)
    assert found["nats"] == pytest.approx(np.mean(nats), abs=1e-4)


def test_frequencies_add_up_and_leave_out_what_is_given_away(
    records: list[ProteinRecord],
) -> None:
    known = DistanceFrequencies.of(records, BINS, WIDTH, NEAREST)
    assert known.overall.sum() == pytest.approx(1)
    np.testing.assert_allclose(known.separated.sum(axis=1), 1)
    # Nothing below 5 Å is counted: what the first bin has is the one count that each has.
    assert known.overall[0] == known.overall.min()


def test_pairs_are_all_pairs_of_a_short_protein(records: list[ProteinRecord]) -> None:
    apart, along = pairs_of(records[0], 0)
    count = int(records[0].structure.present[:, CA].sum())
    assert len(apart) == count * (count - 1) // 2
    assert (along >= 1).all()


def test_constants_are_the_best_of_all_whole_degrees(records: list[ProteinRecord]) -> None:
    known = AngleFrequencies.of(records)
    angles = np.concatenate([backbone_dihedrals(each.structure) for each in records])
    for column in range(2):
        own = angles[np.isfinite(angles[:, column]), column].astype(np.float64)
        tried = np.deg2rad(np.arange(360) + 0.5)
        off = np.array([degrees(own, each).mean() for each in tried])
        assert degrees(own, known.mean[-1, column]).mean() <= off.min() + 1.0


def test_angles_of_a_perfect_guesser(records: list[ProteinRecord]) -> None:
    scores = AngleScores(AngleFrequencies.of(records[:8]))
    for record in records[8:]:
        scores.add(perfect(record))
    for angle in scores.table()["model"].values():
        assert angle["within_30"] == 1
        assert angle["degrees_off"] == pytest.approx(0, abs=0.1)
    assert scores.table()["constant"]["psi"]["degrees_off"] > 1


def test_unknown_letters_have_the_constant_of_all(records: list[ProteinRecord]) -> None:
    known = AngleFrequencies.of(records)
    assert AMINO_ACIDS.find("X") == -1
    assert known.mode.shape == (len(AMINO_ACIDS) + 1, 3)


def test_likelihood_is_scipys() -> None:
    numbers = np.random.default_rng(0)
    truth: NDArray[np.float64] = numbers.uniform(-math.pi, math.pi, 50)
    centre, concentration = numbers.uniform(-3, 3, 50), numbers.uniform(0.01, 80, 50)
    expected = -vonmises.logpdf(truth, concentration, loc=centre)
    np.testing.assert_allclose(von_mises_nats(truth, centre, concentration), expected, rtol=1e-6)


def test_both_sides_of_180_degrees_are_near() -> None:
    assert degrees(np.array([math.radians(179)]), math.radians(-179))[0] == pytest.approx(2)


def test_pictures_are_the_same_each_time(records: list[ProteinRecord], tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        draw(perfect(records[0]), WIDTH, NEAREST, tmp_path / name)
    first = (tmp_path / "a.svg").read_bytes()
    assert first == (tmp_path / "b.svg").read_bytes()
    assert b"guessed" in first or len(first) > 10_000
