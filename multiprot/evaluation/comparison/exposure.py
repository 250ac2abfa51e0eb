"""Whether a model may have been trained on what it is tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import numpy as np

from multiprot.bundle import Bundle, TrainingSequences
from multiprot.data import Corpus
from multiprot.data.mmseqs import has_mmseqs, similar_sequences
from multiprot.embedding.models.encoder_model import EncoderModel
from multiprot.evaluation.features import FeatureSource
from multiprot.evaluation.features.baseline_source import BaselineSource
from multiprot.evaluation.features.embedder_source import EmbedderSource
from multiprot.evaluation.tasks import Task

SIMILAR: Final = 0.3
"""Sequence identity from which on a training protein counts as similar to a test protein."""


class Verdict(StrEnum):
    """What is known: it learnt from no protein, from none of these, from some, or nobody knows."""

    UNTRAINED = "untrained"
    CLEAN = "clean"
    SEEN = "seen"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What a model may have seen of a task's test proteins.

    Attributes
    ----------
    verdict
        "seen" where any of them, or any protein similar to them, was in training.
    proteins
        Different proteins of all test splits.
    identical
        Those among the training sequences; None: unknown.
    similar
        Further ones that are like a training sequence; None: not looked for.
    excluded
        The corpus was built without proteins like this task's test proteins.
    """

    verdict: Verdict
    proteins: int
    identical: int | None = None
    similar: int | None = None
    excluded: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingKnowledge:
    """What is known of a model's training.

    Attributes
    ----------
    untrained
        It has learnt nothing.
    hashes
        Of its training sequences, or None.
    sequences
        The sequences themselves, where their corpus is at hand.
    corpus
        Content hash of that corpus; "" without one.
    excluded
        Tasks whose like were left out of its corpus.
    """

    untrained: bool = False
    hashes: TrainingSequences | None = None
    sequences: Sequence[str] = field(default=(), repr=False)
    corpus: str = ""
    excluded: frozenset[str] = frozenset()

    @classmethod
    def of(cls, source: FeatureSource, corpora: Sequence[Path]) -> TrainingKnowledge:
        """What is known of a source.

        Parameters
        ----------
        source
            Bundles know what they were trained on, and so may encoders; baselines are not trained;
            of all else nothing is known.
        corpora
            Folders of corpora; the one that a bundle was trained on is used to look for similar
            sequences.
        """
        if isinstance(source, BaselineSource):
            return cls(untrained=True)
        model = source.embedder.model if isinstance(source, EmbedderSource) else None
        bundle = None if model is None else model.bundle
        if bundle is None:
            file = model.trained_on if isinstance(model, EncoderModel) else None
            return cls() if file is None else cls(hashes=TrainingSequences.load(file))
        corpus = _corpus(bundle, corpora)
        sequences = () if corpus is None else _learnt(corpus)
        hashes = TrainingSequences.of(sequences) if sequences else bundle.trained_on()
        return cls(
            hashes=hashes,
            sequences=sequences,
            corpus="" if corpus is None else corpus.content_hash,
            excluded=_excluded(bundle),
        )

    def exposure(self, task: Task, *, threads: int = 1) -> Exposure:
        """How much of a task's test proteins the model has seen."""
        tested = sorted(task.proteins(*task.test_splits))
        excluded = task.specification.name in self.excluded
        if self.untrained:
            return Exposure(verdict=Verdict.UNTRAINED, proteins=len(tested), identical=0)
        if self.hashes is None:
            return Exposure(verdict=Verdict.UNKNOWN, proteins=len(tested), excluded=excluded)
        held = self.hashes.hold(tested)
        rest = [tested[row] for row in np.flatnonzero(~held)]
        similar = self._similar(rest, threads)
        return Exposure(
            verdict=Verdict.SEEN if held.any() or similar else Verdict.CLEAN,
            proteins=len(tested),
            identical=int(held.sum()),
            similar=similar,
            excluded=excluded,
        )

    def _similar(self, tested: Sequence[str], threads: int) -> int | None:
        if not self.sequences or not has_mmseqs():
            return None
        if not tested:
            return 0
        return len(similar_sequences(tested, self.sequences, SIMILAR, threads=threads))


def _corpus(bundle: Bundle, corpora: Sequence[Path]) -> Corpus | None:
    """The one that the bundle names, if it is among `corpora`."""
    told = bundle.provenance.get("corpus")
    wanted = told.get("content_hash") if isinstance(told, dict) else None
    opened = (Corpus.open(path) for path in corpora)
    return next((corpus for corpus in opened if corpus.content_hash == wanted), None)


def _learnt(corpus: Corpus) -> tuple[str, ...]:
    """Sequences of all but the test split."""
    rows = zip(corpus.splits, corpus.columns("sequence"), strict=True)
    return tuple(sequence for split, (sequence,) in rows if split != "test")


def _excluded(bundle: Bundle) -> frozenset[str]:
    told = bundle.provenance.get("exclusions")
    tasks = told.get("tasks", ()) if isinstance(told, dict) else ()
    return frozenset(str(task) for task in tasks)
