"""Spans of a corpus and of a batch, against plain loops over records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.data import BatchConfig, Corpus
from multiprot.data.collate import Collator
from multiprot.data.span_labels import SpanLabels
from multiprot.data.targets import BatchTargets
from multiprot.encoders.contract import SpanTargets, SpanVocabulary
from multiprot.encoders.reference.letters import LetterFeaturizer
from multiprot.proteins import FeatureSpan, ProteinRecord

Pairs = list[tuple[ProteinRecord, str]]
WriteCorpus = Callable[..., Corpus]


def make_record(name: str, length: int, *spans: tuple[int, int, str, str]) -> ProteinRecord:
    letters = np.random.default_rng(list(name.encode())).choice(list("ACDEFGHIKL"), size=length)
    return ProteinRecord(
        id=name, sequence="".join(letters), features=tuple(FeatureSpan(*span) for span in spans)
    )


SMALL: Pairs = [
    (make_record("one", 20, (0, 10, "domain", "a"), (12, 15, "domain", "a")), "train"),
    (make_record("two", 30, (5, 9, "motif", "m"), (5, 25, "domain", "b")), "train"),
    (make_record("three", 12, (2, 3, "domain", "a")), "train"),
    (make_record("four", 15), "train"),
    (make_record("five", 40, (1, 30, "domain", "unseen"), (3, 8, "site", "s")), "valid"),
    (make_record("six", 9, (0, 9, "motif", "m")), "test"),
]


def slow_vocabulary(pairs: Pairs) -> SpanVocabulary:
    train = [record for record, split in pairs if split == "train"]
    spans = [(record.id, span) for record in train for span in record.features]
    kinds = sorted({span.kind for _, span in spans})
    entries = sorted({(span.kind, span.name) for _, span in spans})
    own = {
        entry: [(name, span) for name, span in spans if (span.kind, span.name) == entry]
        for entry in entries
    }
    return SpanVocabulary(
        kinds=tuple(kinds),
        entries=tuple(entries),
        proteins=tuple(len({name for name, _ in own[entry]}) for entry in entries),
        spans=tuple(len(own[entry]) for entry in entries),
        residues=tuple(sum(s.stop - s.start for _, s in own[entry]) for entry in entries),
        singles=tuple(sum(len(range(s.start, s.stop)) == 1 for _, s in own[e]) for e in entries),
        known_residues=tuple(
            (combination, sum(len(r) for r in train if kinds_of(r) == combination))
            for combination in sorted({kinds_of(r) for r in train if r.features})
        ),
    )


def kinds_of(record: ProteinRecord) -> tuple[str, ...]:
    return tuple(sorted({span.kind for span in record.features}))


def labels_of(corpus: Corpus) -> SpanLabels:
    labels = SpanLabels.from_corpus(corpus)
    assert labels is not None
    return labels


def rows_of(targets: SpanTargets) -> list[tuple[int, int, int, int, bool, bool]]:
    parts = (targets.protein, targets.start, targets.stop, targets.entry)
    flags = (targets.begins, targets.ends)
    return list(zip(*(part.tolist() for part in (*parts, *flags)), strict=True))


def test_the_vocabulary_counts_what_the_train_proteins_have(write_corpus: WriteCorpus) -> None:
    found = labels_of(write_corpus(SMALL, go=None)).vocabulary
    assert asdict(found) == {
        "kinds": ("domain", "motif"),
        "entries": (("domain", "a"), ("domain", "b"), ("motif", "m")),
        "proteins": (2, 1, 1),
        "spans": (3, 1, 1),
        "singles": (1, 0, 0),
        "residues": (14, 20, 4),
        "known_residues": ((("domain",), 32), (("domain", "motif"), 30)),
    }
    assert found == slow_vocabulary(SMALL)


def test_the_vocabulary_of_a_larger_corpus(corpus: Corpus, pairs: Pairs) -> None:
    assert labels_of(corpus).vocabulary == slow_vocabulary(pairs)
    assert len(labels_of(corpus).vocabulary.entries) > 5


def test_without_a_span_in_train_there_are_no_labels(write_corpus: WriteCorpus) -> None:
    bare = [(replace(r, features=()) if split == "train" else r, split) for r, split in SMALL]
    assert SpanLabels.from_corpus(write_corpus(bare, go=None)) is None


LABELS = SpanLabels.of(slow_vocabulary(SMALL))
RECORDS = [record for record, _ in SMALL]


def test_spans_of_whole_proteins() -> None:
    targets = LABELS.targets(RECORDS, [(0, len(record)) for record in RECORDS])
    assert rows_of(targets) == [
        (0, 0, 10, 0, True, True),
        (0, 12, 15, 0, True, True),
        (1, 5, 9, 2, True, True),
        (1, 5, 25, 1, True, True),
        (2, 2, 3, 0, True, True),
        (4, 1, 30, -1, True, True),
        (5, 0, 9, 2, True, True),
    ]
    assert targets.size.tolist() == [10, 3, 4, 20, 1, 29, 9]
    assert targets.kind.tolist() == [0, 0, 1, 0, 0, 0, 1]
    for part in (targets.protein, targets.start, targets.stop, targets.entry):
        assert part.dtype == torch.int64
    assert targets.begins.dtype == targets.ends.dtype == targets.known.dtype == torch.bool


def test_a_kind_is_known_where_the_protein_has_any_span_of_it() -> None:
    """Also where the train proteins have none of that name; kinds they lack do not count."""
    targets = LABELS.targets(RECORDS, [(0, len(record)) for record in RECORDS])
    assert targets.known.tolist() == [
        [True, False],
        [True, True],
        [True, False],
        [False, False],
        [True, False],
        [False, True],
    ]


def test_what_lies_outside_a_crop_is_still_known() -> None:
    targets = LABELS.targets([RECORDS[0]], [(16, 20)])
    assert rows_of(targets) == []
    assert targets.start.shape == (0,)
    assert targets.start.dtype == torch.int64
    assert targets.known.tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("crop", "expected"),
    [
        ((0, 10), [(0, 10, True, True)]),
        ((3, 13), [(0, 7, False, True), (9, 10, True, False)]),
        ((10, 20), [(2, 5, True, True)]),
        ((13, 14), [(0, 1, False, False)]),
        ((9, 13), [(0, 1, False, True), (3, 4, True, False)]),
    ],
)
def test_a_crop_cuts_spans_and_says_so(
    crop: tuple[int, int], expected: list[tuple[int, int, bool, bool]]
) -> None:
    found = rows_of(LABELS.targets([RECORDS[0]], [crop]))
    assert found == [(0, start, stop, 0, begins, ends) for start, stop, begins, ends in expected]


@settings(max_examples=80)
@given(st.data())
def test_spans_of_crops_are_those_of_their_residues(data: st.DataObject) -> None:
    """Each residue of the whole protein is asked which span holds it."""
    length = data.draw(st.integers(1, 20))
    spans = []
    for _ in range(data.draw(st.integers(0, 4))):
        start = data.draw(st.integers(0, length - 1))
        stop = data.draw(st.integers(start + 1, length))
        kind, name = data.draw(st.sampled_from([*LABELS.vocabulary.entries, ("domain", "unseen")]))
        spans.append((start, stop, kind, name))
    record = make_record("drawn", length, *spans)
    first = data.draw(st.integers(0, length - 1))
    last = data.draw(st.integers(first + 1, length))
    expected = []
    for span in record.features:
        inside = [r for r in range(first, last) if span.start <= r < span.stop]
        if inside:
            found = (span.kind, span.name) in LABELS.vocabulary.entries
            entry = LABELS.vocabulary.entries.index((span.kind, span.name)) if found else -1
            whole = span.start in inside, span.stop - 1 in inside
            expected.append((1, inside[0] - first, inside[-1] + 1 - first, entry, *whole))
    other = make_record("other", 5)
    targets = LABELS.targets([other, record], [(0, 5), (first, last)])
    assert rows_of(targets) == expected
    known = [any(kind == each[2] for each in spans) for kind in LABELS.vocabulary.kinds]
    assert targets.known.tolist() == [[False, False], known]


def test_a_batch_holds_the_spans_of_its_crops(write_corpus: WriteCorpus) -> None:
    corpus = write_corpus(SMALL, go=None)
    labels = labels_of(corpus)
    collate = Collator(
        LetterFeaturizer("letters", None),
        None,
        BatchTargets(spans=labels),
        BatchConfig(crop_residues=8),
    )
    rows = np.arange(len(SMALL))
    starts = set()
    for step in range(6):
        batch = collate(RECORDS, rows, step)
        assert batch.spans is not None
        letters = [
            "".join("ACDEFGHIKLMNPQRSTVWY"[i] for i in row if i >= 0) for row in batch.residues
        ]
        crops = [
            (r.sequence.index(seen), len(seen)) for r, seen in zip(RECORDS, letters, strict=True)
        ]
        expected = labels.targets(RECORDS, [(start, start + size) for start, size in crops])
        assert rows_of(batch.spans) == rows_of(expected)
        assert torch.equal(batch.spans.known, expected.known)
        starts.add(crops[1][0])
    assert len(starts) > 1


def test_batches_without_labels_have_no_spans() -> None:
    collate = Collator(LetterFeaturizer("letters", None), None, BatchTargets(), BatchConfig())
    batch = collate(RECORDS, np.arange(len(RECORDS)))
    assert batch.spans is None
    assert batch.go_set is None
