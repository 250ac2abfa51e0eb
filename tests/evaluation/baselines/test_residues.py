"""Vectors of residues: a window slides over one protein and never over two."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.evaluation.baselines import BASELINES, find_baseline
from multiprot.evaluation.baselines.blosum import blosum62
from multiprot.evaluation.baselines.sequences import WINDOW
from multiprot.proteins.alphabet import AMINO_ACIDS, RESIDUE_LETTERS

letters = st.text(RESIDUE_LETTERS, min_size=1, max_size=40)
proteins = st.lists(letters, min_size=1, max_size=5)
names = st.sampled_from(sorted(BASELINES))
HALF = WINDOW // 2


def windows(sequences: list[str]) -> list[str]:
    """One string a residue; "-" beyond an end."""
    padded = ["-" * HALF + sequence + "-" * HALF for sequence in sequences]
    return [p[i : i + WINDOW] for p in padded for i in range(len(p) - 2 * HALF)]


@given(proteins)
@settings(deadline=None, max_examples=30)
def test_one_hot_and_blosum_read_the_window(sequences: list[str]) -> None:
    places = RESIDUE_LETTERS + "-"
    table = np.eye(27, 26, dtype=np.float32)
    for name, rows in (("one-hot", table), ("blosum62", blosum62())):
        expected = [
            np.concatenate([rows[places.index(letter)] for letter in window])
            for window in windows(sequences)
        ]
        np.testing.assert_array_equal(find_baseline(name).residues(sequences), expected)


@given(proteins)
@settings(deadline=None, max_examples=30)
def test_compositions_are_those_of_the_window(sequences: list[str]) -> None:
    lengths = [len(sequence) for sequence in sequences for _ in sequence]
    expected = []
    for window, length in zip(windows(sequences), lengths, strict=True):
        inside = window.strip("-")
        pairs = [inside[i : i + 2] for i in range(len(inside) - 1)]
        shares = [inside.count(a) / len(inside) for a in AMINO_ACIDS]
        neighbours = [
            pairs.count(a + b) / max(len(pairs), 1) for a in AMINO_ACIDS for b in AMINO_ACIDS
        ]
        expected.append([*shares, *neighbours, log(length)])
    found = find_baseline("kmer").residues(sequences)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_array_equal(find_baseline("composition").residues(sequences), found[:, :20])
    np.testing.assert_array_equal(find_baseline("length").residues(sequences), found[:, -1:])


@given(proteins, names)
@settings(deadline=None, max_examples=40)
def test_neighbouring_proteins_do_not_matter(sequences: list[str], name: str) -> None:
    alone = [find_baseline(name).residues([sequence]) for sequence in sequences]
    np.testing.assert_array_equal(find_baseline(name).residues(sequences), np.concatenate(alone))


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_blocks_are_small_and_make_up_the_whole(name: str) -> None:
    sequences = ["ACDEFGHIKL" * 1000, "MNPQRSTVWY" * 700]
    blocks = list(find_baseline(name).residue_blocks(sequences))
    assert max(len(block) for block in blocks) <= 8192
    whole = np.concatenate(blocks)
    assert len(whole) == 17_000
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(
        whole[9_990:10_000], find_baseline(name).residues(sequences[:1])[-10:]
    )
