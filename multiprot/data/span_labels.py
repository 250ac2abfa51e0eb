"""Annotated stretches of a corpus: which there are, and those of a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import torch

from multiprot.data.corpus import Corpus
from multiprot.encoders.contract import SpanTargets, SpanVocabulary
from multiprot.proteins import ProteinRecord

_UNSEEN: Final = -1
_COLUMNS: Final = 8

Crop = tuple[int, int]
"""First residue and the one after the last, 0-based."""


@dataclass(frozen=True, slots=True, eq=False)
class SpanLabels:
    """Makes the targets of batches.

    Attributes
    ----------
    vocabulary
        What the train proteins have; a span of another kind is passed over.
    """

    vocabulary: SpanVocabulary
    _entries: Mapping[tuple[str, str], int]
    _kinds: Mapping[str, int]

    @classmethod
    def of(cls, vocabulary: SpanVocabulary) -> Self:
        """Targets by a known vocabulary."""
        return cls(
            vocabulary,
            {entry: number for number, entry in enumerate(vocabulary.entries)},
            {kind: number for number, kind in enumerate(vocabulary.kinds)},
        )

    @classmethod
    def from_corpus(cls, corpus: Corpus) -> Self | None:
        """The vocabulary of the train split; None where no train protein has a span."""
        vocabulary = _vocabulary(corpus)
        return None if vocabulary is None else cls.of(vocabulary)

    def targets(self, records: Sequence[ProteinRecord], crops: Sequence[Crop]) -> SpanTargets:
        """Spans of a batch.

        Parameters
        ----------
        records
            Whole proteins.
        crops
            What of each is in the batch.
        """
        rows: list[tuple[int, ...]] = []
        known = torch.zeros(len(records), len(self._kinds), dtype=torch.bool)
        for protein, (record, (first, last)) in enumerate(zip(records, crops, strict=True)):
            for span in record.features:
                number = self._kinds.get(span.kind)
                if number is None:
                    continue
                known[protein, number] = True
                begin, end = max(span.start, first), min(span.stop, last)
                if begin < end:
                    name = self._entries.get((span.kind, span.name), _UNSEEN)
                    what = (number, name, span.stop - span.start)
                    whole = (begin == span.start, end == span.stop)
                    rows.append((protein, begin - first, end - first, *what, *whole))
        columns = torch.tensor(rows, dtype=torch.int64).reshape(len(rows), _COLUMNS).T
        owner, start, stop, kind, entry, size, begins, ends = columns
        return SpanTargets(owner, start, stop, kind, entry, size, begins.bool(), ends.bool(), known)


def _vocabulary(corpus: Corpus) -> SpanVocabulary | None:
    proteins, spans, singles, residues, known = (Counter[Any]() for _ in range(5))
    for features, length, split in corpus.columns("features", "length", "split"):
        if split != "train":
            continue
        found = [((f["kind"], f["name"]), f["stop"] - f["start"]) for f in features]
        proteins.update({entry for entry, _ in found})
        spans.update(entry for entry, _ in found)
        for entry, size in found:
            residues[entry] += size
            singles[entry] += size == 1
        known[tuple(sorted({kind for (kind, _), _ in found}))] += length
    if not spans:
        return None
    entries = tuple(sorted(spans))
    return SpanVocabulary(
        kinds=tuple(sorted({kind for kind, _ in entries})),
        entries=entries,
        proteins=_in_order(proteins, entries),
        spans=_in_order(spans, entries),
        singles=_in_order(singles, entries),
        residues=_in_order(residues, entries),
        known_residues=tuple(sorted((kinds, count) for kinds, count in known.items() if kinds)),
    )


def _in_order(counts: Mapping[Any, int], keys: Iterable[Any]) -> tuple[int, ...]:
    return tuple(counts[key] for key in keys)
