"""Derived motifs and regions: what the rules say, on invented proteins and on the real table."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.proteins import AMINO_ACIDS, FeatureSpan, read_fasta, read_features
from multiprot.proteins.derived_spans import DERIVED_KINDS, MOTIF, REGION, derived_spans
from multiprot.proteins.low_complexity import MOST_BITS, WINDOW, low_complexity

VARIED = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVVHSLAKWKRQ"
KINDS = ("binding_metal", "binding_small", "binding_nuclear")


def bound(kind: str, *positions: int) -> list[FeatureSpan]:
    """Binding residues at 0-based positions."""
    return [FeatureSpan(position, position + 1, kind, "-") for position in positions]


def with_letters(letters: dict[int, str]) -> str:
    return "".join(letters.get(place, letter) for place, letter in enumerate(VARIED))


def test_the_invented_protein_is_complex_throughout() -> None:
    assert low_complexity(VARIED) == []
    assert derived_spans(VARIED, ()) == ()


@pytest.mark.parametrize(
    ("kind", "letters", "name"),
    [
        ("binding_metal", {10: "C", 13: "C"}, "metal:CxxC"),
        ("binding_metal", {10: "H", 12: "H"}, "metal:HxH"),
        ("binding_small", {10: "G", 12: "G", 15: "G"}, "small:GxGxxG"),
        ("binding_small", {10: "S", 11: "T"}, "small:ST"),
        ("binding_nuclear", {10: "K", 15: "R"}, "nuclear:KxxxxR"),
        ("binding_metal", {10: "C", 12: "H", 15: "C", 18: "C"}, "metal:CxHxxC"),
    ],
)
def test_a_motif_is_named_after_its_first_three_residues(
    kind: str, letters: dict[int, str], name: str
) -> None:
    spans = derived_spans(with_letters(letters), bound(kind, *letters))
    motifs = [span for span in spans if span.kind == MOTIF]
    assert motifs == [FeatureSpan(min(letters), max(letters) + 1, MOTIF, name)]


@pytest.mark.parametrize(
    ("positions", "wanted"),
    [
        ((10,), []),
        ((10, 16), []),
        ((10, 15), [(10, 16)]),
        ((10, 12, 18, 20), [(10, 13), (18, 21)]),
        ((10, 15, 20, 25, 29), [(10, 30)]),
        ((10, 15, 20, 25, 30), []),
    ],
)
def test_a_motif_is_short_and_dense(
    positions: tuple[int, ...], wanted: list[tuple[int, int]]
) -> None:
    spans = derived_spans(VARIED, bound("binding_metal", *positions))
    assert [(span.start, span.stop) for span in spans if span.kind == MOTIF] == wanted


@pytest.mark.parametrize(
    ("positions", "wanted"),
    [
        ((10, 20), []),
        ((0, 25, 50), [(0, 51)]),
        ((0, 26, 51), []),
        ((0, 5, 10, 40, 45, 50), [(0, 11), (40, 51)]),
    ],
)
def test_a_region_is_covered_by_its_residues(
    positions: tuple[int, ...], wanted: list[tuple[int, int]]
) -> None:
    spans = derived_spans(VARIED, bound("binding_small", *positions))
    assert [(span.start, span.stop) for span in spans if span.kind == REGION] == wanted


@pytest.mark.parametrize(
    ("kind", "letters", "name"),
    [
        ("binding_metal", "CAD", "metal binding"),
        ("binding_metal", "CCAD", "metal binding, mostly C"),
        ("binding_metal", "CCHH", "metal binding"),
        ("binding_small", "GGG", "small-molecule binding, mostly G"),
        ("binding_nuclear", "KRST", "nucleic-acid binding"),
    ],
)
def test_a_region_is_named_after_ligand_and_commonest_residue(
    kind: str, letters: str, name: str
) -> None:
    places = {10 * number: letter for number, letter in enumerate(letters)}
    spans = derived_spans(with_letters(places), bound(kind, *places))
    assert [span.name for span in spans if span.kind == REGION] == [name]


def test_kinds_of_ligands_do_not_mix_and_others_are_passed_over() -> None:
    spans = [
        *bound("binding_metal", 10),
        *bound("binding_small", 12),
        *bound("binding_nuclear", 14),
        *bound("binding", 20, 21, 22),
        FeatureSpan(0, 60, "CATH_domain", "1.10.490.10"),
    ]
    assert derived_spans(VARIED, spans) == ()


def test_a_span_of_several_binding_residues_counts_as_all_of_them() -> None:
    wide = derived_spans(VARIED, [FeatureSpan(10, 14, "binding_small", "-")])
    assert wide == derived_spans(VARIED, bound("binding_small", 10, 11, 12, 13))
    assert len(wide) == 2


@pytest.mark.parametrize(
    ("stretch", "name"),
    [
        ("QQQQQQQQQQQQQQQ", "low complexity: Q-rich"),
        ("SPSPSPSPSPSPSPS", "low complexity: S-rich"),
        ("SPSPSPSPSPSPSP", "low complexity"),
        ("AAAGGGVVVLLLAAAGGGVVVLLL", "low complexity"),
    ],
)
def test_low_complexity_is_named_after_a_third_of_it(stretch: str, name: str) -> None:
    (span,) = derived_spans(stretch, ())
    assert span == FeatureSpan(0, len(stretch), REGION, name)


def test_short_and_unknown_sequences_are_not_of_low_complexity() -> None:
    assert low_complexity("A" * (WINDOW - 1)) == []
    assert low_complexity("A" * WINDOW) == [(0, WINDOW)]
    assert low_complexity("X" * 40) == []
    assert low_complexity("A" * 6 + "X" + "A" * 6) == []


def entropy(window: str) -> float:
    shares = [count / len(window) for count in Counter(window).values()]
    return -sum(share * math.log2(share) for share in shares)


sequences = st.one_of(
    st.text(AMINO_ACIDS, min_size=1, max_size=80),
    st.text("QSPAX", min_size=1, max_size=80),
    st.lists(st.sampled_from([VARIED[:30], "QQQQQQQ", "SP" * 8]), min_size=1).map("".join),
)


@given(sequences)
def test_low_complexity_is_what_windows_cover(sequence: str) -> None:
    covered: set[int] = set()
    for start in range(len(sequence) - WINDOW + 1):
        window = sequence[start : start + WINDOW]
        if "X" not in window and entropy(window) <= MOST_BITS + 1e-9:
            covered.update(range(start, start + WINDOW))
    found = low_complexity(sequence)
    assert {place for start, stop in found for place in range(start, stop)} == covered
    assert all(before[1] < after[0] for before, after in pairwise(found))


@given(sequences.flatmap(lambda s: st.tuples(st.just(s), st.sets(st.integers(0, len(s) - 1)))))
def test_every_derived_span_is_as_documented(case: tuple[str, set[int]]) -> None:
    sequence, positions = case
    spans = bound("binding_small", *positions)
    derived = derived_spans(sequence, spans)
    assert derived == tuple(sorted(derived))
    assert derived == derived_spans(sequence, [*reversed(spans), *derived])
    for span in derived:
        inside = sorted(place for place in positions if span.start <= place < span.stop)
        assert span.kind in DERIVED_KINDS
        assert span.stop <= len(sequence)
        if span.name.startswith("low complexity"):
            continue
        steps = [after - before for before, after in pairwise(inside)]
        assert (inside[0], inside[-1] + 1) == (span.start, span.stop)
        if span.kind == MOTIF:
            assert len(inside) >= 2
            assert max(steps) <= 5
            assert span.stop - span.start <= 20
        else:
            assert len(inside) >= 3
            assert max(steps) <= 25


def test_on_the_real_table(shared: Path) -> None:
    """The figures that docs/how-to/build-a-corpus.md gives."""
    features = read_features(shared / "data/pretrain/features.tsv.gz")
    proteins: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    spans: Counter[str] = Counter()
    for record in read_fasta(shared / "data/pretrain/sequences.fasta.gz"):
        for span in derived_spans(record.sequence, features.get(record.id, ())):
            proteins[span.kind, span.name].add(record.id)
            spans[span.name.split(":")[0].split(",")[0]] += 1
            assert span.stop <= len(record)
    assert spans == {
        "metal": 1705,
        "small": 6206,
        "nuclear": 983,
        "metal binding": 759,
        "small-molecule binding": 2955,
        "nucleic-acid binding": 483,
        "low complexity": 37578,
    }
    assert len(proteins[MOTIF, "metal:CxxC"]) == 104
    frequent = Counter(kind for (kind, _), found in proteins.items() if len(found) >= 5)
    assert frequent == {MOTIF: 172, REGION: 49}
