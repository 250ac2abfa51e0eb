"""Real proteins with random vectors, GO terms and spans: the same for both steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.massa_plain.config import TAGGINGS, PlainMassaConfig
from benchmarks.massa_plain.proteins import PlainProtein
from multiprot.data.corpus import Corpus
from multiprot.data.span_labels import SpanLabels
from multiprot.encoders.contract import SpanVocabulary
from multiprot.objectives.span_tags import PER_CLASS, span_classes, tags_of
from multiprot.proteins import AMINO_ACIDS, FeatureSpan, ProteinRecord, residue_indices

SHORTEST: Final = 30
TERMS: Final = 24
"""GO terms of a protein, at most."""
SPANS: Final = 5
"""Spans of a kind that a protein has, at most."""
SPAN_RESIDUES: Final[Mapping[str, int]] = {"motif": 20, "domain": 150, "region": 60}
"""Residues of a span, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Proteins in random order, and what is to be guessed of them.

    Attributes
    ----------
    records
        With a whole backbone and spans of `vocabulary`.
    vectors
        float32 [residue, channel] of each, as a frozen sequence model gave them beforehand.
    terms
        int64 [term] of each: classes of GO terms.
    vocabulary
        Spans that there are.
    """

    records: tuple[ProteinRecord, ...]
    vectors: tuple[NDArray[np.float32], ...]
    terms: tuple[NDArray[np.int64], ...]
    vocabulary: SpanVocabulary

    def plain(self) -> list[PlainProtein]:
        """The same, as the plain step reads it."""
        return [
            PlainProtein(
                vectors=vectors,
                coordinates=_coordinates(record)[:, :3].astype(np.float32),
                residues=np.minimum(residue_indices(record.sequence), len(AMINO_ACIDS)),
                go_terms=terms,
                **{f"{kind}_tags": self._tags(record, kind) for kind in TAGGINGS},
            )
            for record, vectors, terms in zip(self.records, self.vectors, self.terms, strict=True)
        ]

    def _tags(self, record: ProteinRecord, kind: str) -> NDArray[np.int64] | None:
        """Tags [residue] of one kind; None where the protein has no span of it."""
        spans = SpanLabels.of(self.vocabulary).targets([record], [(0, len(record))])
        asked = torch.tensor([each == kind for each in self.vocabulary.kinds])
        classes = span_classes(self.vocabulary, [kind], 1)
        everywhere = torch.ones(1, len(record), dtype=torch.bool)
        tags = tags_of(spans, classes, asked, everywhere)[0].numpy()
        return tags if bool(spans.known[:, asked].any()) else None


def draw_sample(corpus: Corpus, count: int, seed: int, shape: PlainMassaConfig) -> Sample:
    """Proteins of the train split; `shape` gives channels, numbers of classes, longest protein.

    Raises
    ------
    ValueError
        If the corpus has too few.
    """
    numbers = np.random.default_rng(seed)
    records = _whole_backbones(corpus, count, numbers, shape.positions)
    names = span_names(shape)
    tagged = tuple(_with_spans(record, names, numbers) for record in records)
    return Sample(
        records=tagged,
        vectors=tuple(
            numbers.standard_normal((len(record), shape.sequence_dim), dtype=np.float32)
            for record in tagged
        ),
        terms=tuple(
            numbers.choice(shape.go_classes, numbers.integers(1, TERMS + 1), replace=False)
            for _ in tagged
        ),
        vocabulary=_vocabulary(names),
    )


def span_names(shape: PlainMassaConfig) -> dict[str, list[str]]:
    """Kind -> names of spans, so many that O and three tags each make the most of `shape`."""
    counts = {kind: getattr(shape, f"{kind}_classes") for kind in TAGGINGS}
    return {
        kind: [f"{number:04}" for number in range(round((count - 1) / PER_CLASS))]
        for kind, count in counts.items()
    }


def _vocabulary(names: Mapping[str, list[str]]) -> SpanVocabulary:
    entries = tuple(sorted((kind, name) for kind, every in names.items() for name in every))
    return SpanVocabulary(
        kinds=tuple(sorted(names)),
        entries=entries,
        proteins=(9,) * len(entries),
        spans=(12,) * len(entries),
        singles=(0,) * len(entries),
        residues=(120,) * len(entries),
        known_residues=((tuple(sorted(names)), 10**7),),
    )


def _whole_backbones(
    corpus: Corpus, count: int, numbers: np.random.Generator, longest: int
) -> list[ProteinRecord]:
    rows = corpus.rows("train")
    rows = rows[corpus.has_structure[rows]]
    rows = rows[(corpus.lengths[rows] >= SHORTEST) & (corpus.lengths[rows] <= longest)]
    found: list[ProteinRecord] = []
    for row in numbers.permutation(rows):
        if len(found) == count:
            break
        record = corpus.read([row])[0]
        if np.isfinite(_coordinates(record)[:, :3]).all():
            found.append(record)
    if len(found) < count:
        raise ValueError(
            f"{corpus.path}: {len(found)} train proteins of {SHORTEST} to {longest} residues have "
            f"a whole backbone, {count} are asked for; ask for fewer"
        )
    return found


def _with_spans(
    record: ProteinRecord, names: Mapping[str, list[str]], numbers: np.random.Generator
) -> ProteinRecord:
    """The record with spans of each kind in two of three cases, in place of its own."""
    spans = []
    for kind, every in names.items():
        if numbers.random() < 1 / 3:
            continue
        # The last name's tags may be one more than the plain model has classes.
        known = max(1, len(every) - 1)
        for name in numbers.integers(0, known, numbers.integers(1, SPANS + 1)):
            size = int(numbers.integers(3, min(SPAN_RESIDUES[kind], len(record)) + 1))
            start = int(numbers.integers(0, len(record) - size + 1))
            spans.append(FeatureSpan(start, start + size, kind, every[name]))
    return replace(record, features=tuple(spans))


def _coordinates(record: ProteinRecord) -> NDArray[np.float32]:
    if record.structure is None:
        raise ValueError(f"record {record.id} has no structure; choose records that have one")
    return record.structure.coordinates
