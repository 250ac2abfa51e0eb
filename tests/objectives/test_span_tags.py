"""Spans as tags, against one residue and one span after another."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from multiprot.encoders.contract import SpanTargets, SpanVocabulary
from multiprot.objectives.span_tags import (
    OTHER_KIND,
    OUTSIDE,
    UNKNOWN,
    span_classes,
    tag_count,
    tag_residues,
    tags_of,
)

KINDS = ("domain", "motif", "region")
ENTRIES = tuple((kind, name) for kind in KINDS for name in ("a", "b", "c"))
PROTEINS = (9, 1, 7, 5, 5, 2, 8, 3, 6)
MIN_PROTEINS = 4
LONGEST = 12


@dataclass(frozen=True)
class Span:
    """A row of `SpanTargets`."""

    protein: int
    start: int
    stop: int
    entry: int
    begins: bool = True
    ends: bool = True
    cut: int = 0

    @property
    def size(self) -> int:
        return self.stop - self.start + self.cut


def make_vocabulary() -> SpanVocabulary:
    return SpanVocabulary(
        kinds=KINDS,
        entries=ENTRIES,
        proteins=PROTEINS,
        spans=(1,) * len(ENTRIES),
        singles=(0,) * len(ENTRIES),
        residues=(1,) * len(ENTRIES),
        known_residues=((KINDS, 3),),
    )


def make_targets(spans: list[Span], known: list[bool]) -> SpanTargets:
    return SpanTargets(
        protein=torch.tensor([span.protein for span in spans], dtype=torch.int64),
        start=torch.tensor([span.start for span in spans], dtype=torch.int64),
        stop=torch.tensor([span.stop for span in spans], dtype=torch.int64),
        kind=torch.tensor([KINDS.index(ENTRIES[s.entry][0]) for s in spans], dtype=torch.int64),
        entry=torch.tensor([span.entry for span in spans], dtype=torch.int64),
        size=torch.tensor([span.size for span in spans], dtype=torch.int64),
        begins=torch.tensor([span.begins for span in spans], dtype=torch.bool),
        ends=torch.tensor([span.ends for span in spans], dtype=torch.bool),
        known=torch.tensor(known)[:, None].expand(-1, len(KINDS)),
    )


def slow_tags(
    spans: list[Span], lengths: list[int], known: list[bool], kinds: tuple[str, ...]
) -> list[list[int]]:
    """What each residue's tag is, asked of all spans that cover it."""
    learnt = [
        entry
        for entry, proteins in zip(ENTRIES, PROTEINS, strict=True)
        if entry[0] in kinds and proteins >= MIN_PROTEINS
    ]

    def tag(protein: int, residue: int) -> int:
        if residue >= lengths[protein] or not known[protein]:
            return -1
        best: Span | None = None
        for span in spans:
            covers = span.protein == protein and span.start <= residue < span.stop
            if not covers or ENTRIES[span.entry][0] not in kinds:
                continue
            if best is None or span.size <= best.size:
                best = span
        if best is None:
            return 0
        if ENTRIES[best.entry] not in learnt:
            return -1
        first = 1 + 3 * learnt.index(ENTRIES[best.entry])
        if residue == best.start and best.begins:
            return first
        return first + 2 if residue == best.stop - 1 and best.ends else first + 1

    return [
        [tag(protein, residue) for residue in range(LONGEST)] for protein in range(len(lengths))
    ]


@st.composite
def annotated(draw: st.DrawFn) -> tuple[list[int], list[bool], list[Span]]:
    """Lengths, which proteins are known, and spans of the known ones, cut or whole."""
    lengths = draw(st.lists(st.integers(1, LONGEST), min_size=1, max_size=4))
    known = draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths)))
    spans = []
    owners = [protein for protein, has in enumerate(known) if has]
    for _ in range(draw(st.integers(0, 8)) if owners else 0):
        protein = draw(st.sampled_from(owners))
        start = draw(st.integers(0, lengths[protein] - 1))
        stop = draw(st.integers(start + 1, lengths[protein]))
        entry = draw(st.integers(0, len(ENTRIES) - 1))
        whole = (draw(st.booleans()), draw(st.booleans()))
        spans.append(Span(protein, start, stop, entry, *whole, draw(st.integers(0, 9))))
    return lengths, known, spans


def residue_mask(lengths: list[int]) -> Tensor:
    return torch.arange(LONGEST) < torch.tensor(lengths)[:, None]


wanted = st.sets(st.sampled_from(KINDS), min_size=1).map(lambda kinds: tuple(sorted(kinds)))


@settings(max_examples=300)
@given(annotated(), wanted)
@example(([5], [True], [Span(0, 0, 5, 0)]), ("domain",))
@example(([5], [True], [Span(0, 2, 3, 0)]), ("domain",))
@example(([5], [True], [Span(0, 2, 3, 0, begins=False)]), ("domain",))
@example(([5], [True], [Span(0, 2, 3, 0, begins=False, ends=False)]), ("domain",))
@example(([6], [True], [Span(0, 0, 6, 0), Span(0, 1, 5, 2), Span(0, 3, 4, 1)]), ("domain",))
@example(([6], [True], [Span(0, 0, 3, 0), Span(0, 0, 3, 2)]), ("domain",))
@example(([1, 1], [False, True], []), ("motif",))
def test_tags_are_those_of_one_residue_after_another(
    protein_spans: tuple[list[int], list[bool], list[Span]], kinds: tuple[str, ...]
) -> None:
    lengths, known, spans = protein_spans
    classes = span_classes(make_vocabulary(), kinds, MIN_PROTEINS)
    targets = make_targets(spans, known)
    found = tags_of(targets, classes, asked(kinds), residue_mask(lengths))
    assert found.dtype == torch.int64
    assert found.tolist() == slow_tags(spans, lengths, known, kinds)


def asked(kinds: tuple[str, ...]) -> Tensor:
    return torch.tensor([kind in kinds for kind in KINDS])


def tags(spans: list[Span], length: int = 8, kinds: tuple[str, ...] = ("domain",)) -> list[int]:
    classes = span_classes(make_vocabulary(), kinds, MIN_PROTEINS)
    mask = torch.ones(1, length, dtype=torch.bool)
    found: list[int] = tags_of(make_targets(spans, [True]), classes, asked(kinds), mask).tolist()[0]
    return found


# Entries 0, 1 and 2 are domains; 1 is too rare, so that 0 and 2 are classes 0 and 1.


def test_a_span_begins_continues_and_ends() -> None:
    assert tags([Span(0, 2, 6, 0)]) == [0, 0, 1, 2, 2, 3, 0, 0]
    assert tags([Span(0, 2, 4, 2)]) == [0, 0, 4, 6, 0, 0, 0, 0]
    assert tags([Span(0, 0, 8, 2)]) == [4, 5, 5, 5, 5, 5, 5, 6]


def test_a_span_of_one_residue_begins() -> None:
    assert tags([Span(0, 3, 4, 0)]) == [0, 0, 0, 1, 0, 0, 0, 0]


def test_where_a_crop_cut_a_span_it_goes_on() -> None:
    assert tags([Span(0, 0, 3, 0, begins=False)]) == [2, 2, 3, 0, 0, 0, 0, 0]
    assert tags([Span(0, 5, 8, 0, ends=False)]) == [0, 0, 0, 0, 0, 1, 2, 2]
    assert tags([Span(0, 0, 8, 0, begins=False, ends=False)]) == [2] * 8


def test_the_shortest_span_stands_on_the_longer_ones() -> None:
    outer, inner = Span(0, 0, 8, 0), Span(0, 3, 6, 2)
    for order in ([outer, inner], [inner, outer]):
        assert tags(order) == [1, 2, 2, 4, 5, 6, 2, 3]


def test_of_equally_long_spans_the_last_is_seen() -> None:
    one, other = Span(0, 1, 4, 0), Span(0, 2, 5, 2)
    assert tags([one, other]) == [0, 1, 4, 5, 6, 0, 0, 0]
    assert tags([other, one]) == [0, 1, 2, 3, 6, 0, 0, 0]


def test_a_rare_span_is_neither_inside_nor_outside() -> None:
    assert tags([Span(0, 2, 5, 1)]) == [0, 0, -1, -1, -1, 0, 0, 0]
    assert tags([Span(0, 0, 8, 0), Span(0, 2, 5, 1)]) == [1, 2, -1, -1, -1, 2, 2, 3]
    assert tags([Span(0, 0, 8, 1), Span(0, 2, 4, 0)]) == [-1, -1, 1, 3, -1, -1, -1, -1]


def test_spans_of_another_kind_are_not_seen() -> None:
    motif = Span(0, 2, 5, 3)
    assert tags([motif, Span(0, 4, 6, 0)]) == [0, 0, 0, 0, 1, 3, 0, 0]
    assert tags([motif], kinds=("domain", "motif")) == [0, 0, 7, 8, 9, 0, 0, 0]


def test_classes_are_numbered_in_the_order_of_the_vocabulary() -> None:
    found = span_classes(make_vocabulary(), ("domain", "region"), MIN_PROTEINS)
    none, other = UNKNOWN, OTHER_KIND
    assert found.tolist() == [0, none, 1, other, other, other, 2, none, 3]
    everything = span_classes(make_vocabulary(), KINDS, 1)
    assert everything.tolist() == list(range(len(ENTRIES)))
    assert tag_count(4) == 13


@st.composite
def laid_out(draw: st.DrawFn) -> tuple[int, list[list[Span]]]:
    """Proteins with spans one after another."""
    shortest, longest = draw(st.sampled_from([(1, 1), (2, 6), (1, 5)]))
    proteins = []
    for protein in range(draw(st.integers(1, 5))):
        spans, place = [], 0
        for _ in range(draw(st.integers(0, 4))):
            start = place + draw(st.integers(0, 3))
            place = start + draw(st.integers(shortest, longest))
            spans.append(Span(protein, start, place, draw(st.integers(0, 2))))
        proteins.append(spans)
    return draw(st.integers(1, 4)), proteins


@settings(max_examples=150)
@given(laid_out())
def test_tags_in_the_train_proteins_are_counted_from_the_vocabulary(
    corpus: tuple[int, list[list[Span]]],
) -> None:
    """Where spans do not overlap, counts are those of tags that were written out."""
    tail, proteins = corpus
    spans = [span for each in proteins for span in each]
    length = max((span.stop for span in spans), default=0) + tail
    of_entry = [[s for s in spans if s.entry == entry] for entry in range(3)]
    vocabulary = replace(
        make_vocabulary(),
        kinds=("domain",),
        entries=ENTRIES[:3],
        proteins=PROTEINS[:3],
        spans=tuple(len(each) for each in of_entry),
        singles=tuple(sum(s.size == 1 for s in each) for each in of_entry),
        residues=tuple(sum(s.stop - s.start for s in each) for each in of_entry),
        known_residues=((("domain",), length * sum(bool(each) for each in proteins)),),
    )
    classes = span_classes(vocabulary, ("domain",), MIN_PROTEINS)
    known = [bool(each) for each in proteins]
    mask = torch.ones(len(proteins), length, dtype=torch.bool)
    written = tags_of(make_targets(spans, known), classes, asked(("domain",)), mask)
    expected = torch.bincount(written[written != UNKNOWN], minlength=tag_count(2))
    found = tag_residues(vocabulary, ("domain",), classes)
    assert found.dtype == torch.float64
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("kinds", [("domain",), ("motif",), ("domain", "motif")])
def test_kinds_that_are_not_asked_for_are_not_counted(kinds: tuple[str, ...]) -> None:
    """A hundred residues are of proteins that have both."""
    vocabulary = SpanVocabulary(
        kinds=("domain", "motif"),
        entries=(("domain", "a"), ("motif", "b")),
        proteins=(5, 5),
        spans=(5, 6),
        singles=(0, 0),
        residues=(50, 24),
        known_residues=((("domain",), 100), (("domain", "motif"), 100), (("motif",), 40)),
    )
    classes = span_classes(vocabulary, kinds, 1)
    expected = {"domain": [5.0, 40.0, 5.0], "motif": [6.0, 12.0, 6.0]}
    inside = [count for kind in kinds for count in expected[kind]]
    outside = {("domain",): 200, ("motif",): 140, ("domain", "motif"): 240}[kinds] - sum(inside)
    assert tag_residues(vocabulary, kinds, classes).tolist() == [outside, *inside]


def test_overlaps_leave_no_negative_count() -> None:
    vocabulary = SpanVocabulary(
        kinds=("domain",),
        entries=(("domain", "a"), ("domain", "b")),
        proteins=(1, 1),
        spans=(1, 1),
        singles=(0, 0),
        residues=(10, 10),
        known_residues=((("domain",), 12),),
    )
    counts = tag_residues(vocabulary, ("domain",), span_classes(vocabulary, ("domain",), 1))
    assert counts[OUTSIDE] == 0
    assert counts.min() == 0


def test_a_crop_changes_no_tag() -> None:
    """The longer span stays the longer one where little of it is left."""
    longer, shorter = Span(0, 0, 12, 0), Span(0, 8, 16, 2)
    whole = tags([longer, shorter], length=20)
    cut = [Span(0, 0, 3, 0, begins=False, cut=9), Span(0, 0, 7, 2, begins=False, cut=1)]
    assert tags(cut, length=11) == whole[9:]


def test_a_name_that_no_train_protein_has_is_neither_inside_nor_outside() -> None:
    targets = replace(make_targets([Span(0, 2, 5, 0)], [True]), entry=torch.tensor([-1]))
    classes = span_classes(make_vocabulary(), ("domain",), MIN_PROTEINS)
    found = tags_of(targets, classes, asked(("domain",)), residue_mask([8]))
    assert found[0, :8].tolist() == [0, 0, -1, -1, -1, 0, 0, 0]
