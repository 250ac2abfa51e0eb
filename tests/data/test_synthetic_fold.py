from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from multiprot.data.synthetic_backbone import build_backbone, clashes
from multiprot.data.synthetic_fold import (
    HELIX,
    LOOP,
    STRAND,
    draw_fold,
    draw_residues,
    draw_torsions,
    fold_torsions,
    is_buried,
)
from multiprot.proteins import AMINO_ACIDS


@pytest.mark.parametrize("kind", range(4))
def test_folds_are_of_their_kind_and_of_domain_size(kind: int) -> None:
    for seed in range(30):
        fold = draw_fold(np.random.default_rng(seed), kind)
        expected = ({HELIX}, {STRAND}, {HELIX, STRAND}, {HELIX, STRAND})[kind]
        assert set(fold) - {LOOP} == expected
        assert 40 <= len(fold) <= 150
        assert fold[0] == fold[-1] == LOOP
    if kind == 3:
        assert fold.rindex(STRAND) < fold.index(HELIX)


@pytest.mark.parametrize(("state", "centre"), [(HELIX, (-63, -42)), (STRAND, (-120, 132))])
def test_torsions_lie_where_ramachandran_says(state: str, centre: tuple[int, int]) -> None:
    torsions = np.degrees(draw_torsions(np.random.default_rng(0), state * 10, 200))
    assert np.abs(torsions[..., 0] - centre[0]).max() < 60
    assert torsions[..., :2].mean(axis=(0, 1)) == pytest.approx(centre, abs=2)
    assert np.abs(torsions[..., 2] - 180).max() < 20


def test_loops_visit_the_allowed_basins() -> None:
    torsions = np.degrees(draw_torsions(np.random.default_rng(0), LOOP * 10, 500))
    phi = torsions[..., 0]
    assert 0.05 < (phi > 0).mean() < 0.15
    assert ((phi > 0) | (phi < -20)).mean() > 0.99


def test_the_chosen_chain_is_no_worse_than_a_drawn_one() -> None:
    fold = draw_fold(np.random.default_rng(1), 2)
    mask = np.ones((1, len(fold)), bool)
    chosen = [fold_torsions(np.random.default_rng(seed), fold) for seed in range(5)]
    counts = [
        int(clashes(build_backbone(*np.moveaxis(one[None], 2, 0)), mask)[0]) for one in chosen
    ]
    assert counts == [0] * 5


def test_residues_suit_the_fold() -> None:
    rng = np.random.default_rng(0)
    shares = {}
    for state in (HELIX, STRAND, LOOP):
        fold = state * 3000
        torsions = np.full((len(fold), 3), -1.0)
        counts = Counter(draw_residues(rng, fold, torsions))
        assert set(counts) <= set(AMINO_ACIDS)
        shares[state] = {letter: counts[letter] / len(fold) for letter in AMINO_ACIDS}
    assert shares[HELIX]["A"] > 2 * shares[LOOP]["A"]
    assert shares[STRAND]["V"] > 2 * shares[LOOP]["V"]
    assert shares[LOOP]["P"] > 5 * shares[HELIX]["P"]
    assert shares[LOOP]["G"] > 2 * shares[STRAND]["G"]


def test_buried_faces_are_hydrophobic() -> None:
    fold = HELIX * 4000
    sequence = draw_residues(np.random.default_rng(0), fold, np.full((len(fold), 3), -1.0))
    hydrophobic = np.array([letter in "AFILMVWY" for letter in sequence])
    buried = np.array([is_buried(fold, position) for position in range(len(fold))])
    assert 0.4 < buried.mean() < 0.6
    assert hydrophobic[buried].mean() > hydrophobic[~buried].mean() + 0.3


def test_loops_have_no_buried_face() -> None:
    assert not any(is_buried(LOOP * 20, position) for position in range(20))


def test_left_handed_residues_are_those_that_can_be() -> None:
    fold = LOOP * 200
    torsions = np.full((len(fold), 3), 1.0)
    assert set(draw_residues(np.random.default_rng(0), fold, torsions)) <= set("GND")
