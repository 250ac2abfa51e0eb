"""Vectors of whole proteins, against counts by hand."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import issparse

from multiprot.errors import EvaluationError
from multiprot.evaluation.baselines import BASELINES, find_baseline
from multiprot.evaluation.baselines.blosum import blosum62
from multiprot.proteins.alphabet import AMINO_ACIDS, RESIDUE_LETTERS

letters = st.text(RESIDUE_LETTERS, min_size=1, max_size=60)
proteins = st.lists(letters, min_size=1, max_size=8)
names = st.sampled_from(sorted(BASELINES))


def dense(features: Any) -> NDArray[np.float32]:
    return np.asarray(features.toarray() if issparse(features) else features)


def by_hand(sequence: str) -> list[float]:
    size = len(sequence)
    pairs = [sequence[i : i + 2] for i in range(size - 1)]
    kinds = [a + b for a in AMINO_ACIDS for b in AMINO_ACIDS]
    shares = [sequence.count(a) / size for a in AMINO_ACIDS]
    return [*shares, *(pairs.count(kind) / max(size - 1, 1) for kind in kinds), log(size)]


@given(proteins)
@settings(deadline=None, max_examples=30)
def test_kmers_are_shares_of_residues_and_of_neighbours(sequences: list[str]) -> None:
    expected = [by_hand(sequence) for sequence in sequences]
    np.testing.assert_allclose(find_baseline("kmer").proteins(sequences), expected, rtol=1e-6)
    found = find_baseline("composition").proteins(sequences)
    np.testing.assert_allclose(found, np.array(expected)[:, :20], rtol=1e-6)
    found = find_baseline("length").proteins(sequences)
    np.testing.assert_allclose(found, np.array(expected)[:, -1:], rtol=1e-6)


@given(proteins)
@settings(deadline=None, max_examples=30)
def test_blosum_is_the_mean_of_its_rows(sequences: list[str]) -> None:
    table = blosum62()
    expected = [
        np.mean([table[RESIDUE_LETTERS.index(letter)] for letter in sequence], axis=0)
        for sequence in sequences
    ]
    found = find_baseline("blosum62").proteins(sequences)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_blosum_has_the_published_scores() -> None:
    scores = {a: dict(zip(AMINO_ACIDS, blosum62()[i], strict=True)) for i, a in enumerate("ACD")}
    assert (scores["A"]["A"], scores["C"]["C"], scores["D"]["E"]) == (4, 9, 2)
    square = blosum62()[:20]
    np.testing.assert_array_equal(square, square.T)
    row = {letter: blosum62()[i] for i, letter in enumerate(RESIDUE_LETTERS)}
    np.testing.assert_allclose(row["J"], (row["I"] + row["L"]) / 2)
    np.testing.assert_array_equal(row["U"], row["C"])
    np.testing.assert_array_equal(row["O"], row["K"])
    assert not blosum62()[-1].any()


@given(
    st.integers(1, 40).flatmap(
        lambda n: st.lists(st.text(RESIDUE_LETTERS, min_size=n, max_size=n), min_size=1, max_size=6)
    )
)
@settings(deadline=None, max_examples=30)
def test_one_hot_of_variants_can_be_read_back(sequences: list[str]) -> None:
    found = find_baseline("one-hot").proteins(sequences)
    assert issparse(found)
    assert found.dtype == np.float32
    table = dense(found).reshape(len(sequences), -1, 26)
    np.testing.assert_array_equal(table.sum(axis=2), 1)
    assert ["".join(RESIDUE_LETTERS[i] for i in row.argmax(axis=1)) for row in table] == sequences


def test_one_hot_of_a_slightly_shorter_variant_ends_with_zeros() -> None:
    sequences = ["ACDEFGHIKL", "ACDEFGHIK"]
    table = dense(find_baseline("one-hot").proteins(sequences)).reshape(2, 10, 26)
    np.testing.assert_array_equal(table[1, :9], table[0, :9])
    assert not table[1, 9].any()


@given(st.text(RESIDUE_LETTERS, min_size=16, max_size=80))
@settings(deadline=None, max_examples=30)
def test_one_hot_of_unlike_lengths_counts_letters_in_sixteenths(sequence: str) -> None:
    found = find_baseline("one-hot").proteins([sequence, sequence * 3])
    assert found.shape == (2, 416)
    bins = found[0].reshape(16, 26)
    np.testing.assert_allclose(bins.sum(axis=1), 1, rtol=1e-6)
    first = sequence[: -(-len(sequence) // 16)]
    np.testing.assert_allclose(
        bins[0], [first.count(letter) / len(first) for letter in RESIDUE_LETTERS], rtol=1e-6
    )


def test_a_chain_shorter_than_the_bins_leaves_some_empty() -> None:
    found = find_baseline("one-hot").proteins(["AC", "A" * 50]).reshape(2, 16, 26)
    assert found[0].sum() == 2
    assert found[1].sum() == pytest.approx(16)


@given(proteins, names)
@settings(deadline=None, max_examples=40)
def test_a_protein_is_described_alike_in_any_company(sequences: list[str], name: str) -> None:
    sequences = [*sequences, "A" * 5, "C" * 70]
    together = dense(find_baseline(name).proteins(sequences))
    backwards = dense(find_baseline(name).proteins(sequences[::-1]))
    np.testing.assert_array_equal(together, backwards[::-1])
    assert np.isfinite(together).all()


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_blocks_make_up_the_whole(name: str) -> None:
    rng = np.random.default_rng(0)
    sequences = [
        "".join(rng.choice(list(AMINO_ACIDS), size=size)) for size in rng.integers(3, 12, size=5000)
    ]
    blocks = list(find_baseline(name).protein_blocks(sequences))
    assert [block.shape[0] for block in blocks] == [2048, 2048, 904]
    whole = dense(find_baseline(name).proteins(sequences))
    np.testing.assert_array_equal(np.concatenate([dense(block) for block in blocks]), whole)


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_a_protein_of_forty_thousand_residues(name: str) -> None:
    sequence = "MKVLAWXGTC" * 4000
    found = dense(find_baseline(name).proteins([sequence, "MKV"]))
    assert found.shape[0] == 2
    assert np.isfinite(found).all()
    assert sum(len(block) for block in find_baseline(name).residue_blocks([sequence])) == 40_000


def test_what_is_no_residue_is_refused_by_row_and_place() -> None:
    sequences = ["ACD"] * 3000 + ["AC*D"]
    with pytest.raises(EvaluationError, match=r"sequence 3000 .*'\*' at residue 3"):
        find_baseline("composition").proteins(sequences)
    with pytest.raises(EvaluationError, match=r"sequence 1 .* is empty"):
        find_baseline("kmer").proteins(["A", ""])
    with pytest.raises(EvaluationError, match="'a' at residue 2"):
        find_baseline("length").proteins(["Aa"])
    with pytest.raises(EvaluationError, match="no sequence"):
        find_baseline("kmer").proteins([])


def test_a_mistyped_name_meets_the_nearest() -> None:
    with pytest.raises(EvaluationError, match=r"did you mean 'one-hot'.*length, composition"):
        find_baseline("onehot")
