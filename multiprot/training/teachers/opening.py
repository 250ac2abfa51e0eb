"""From a recipe's teachers to teachers that can be asked, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multiprot.data import Corpus
from multiprot.encoders.contract import TeacherFacts
from multiprot.errors import TrainingError
from multiprot.training.config import PretrainConfig
from multiprot.training.teachers.config import TeacherConfig
from multiprot.training.teachers.heads import structure_heads
from multiprot.training.teachers.live import LiveTeacher
from multiprot.training.teachers.store import StoreTeacher
from multiprot.training.teachers.terms import term_vectors

AnyTeacher = StoreTeacher | LiveTeacher

_ASKED: Final = 512
"""Train proteins from which means and deviations are taken."""


@dataclass(frozen=True, slots=True, eq=False)
class OpenTeacher:
    """A teacher of a run.

    Attributes
    ----------
    teacher
        Who is asked.
    known
        bool [protein of the corpus]: it has, or can be asked for, a vector.
    """

    teacher: AnyTeacher
    known: NDArray[np.bool_]


def open_teachers(config: PretrainConfig, corpus: Corpus) -> dict[str, OpenTeacher]:
    """The recipe's teachers, by name.

    Raises
    ------
    TrainingError
        If one knows no protein of a split, or is to be asked from worker processes.
    """
    found = {}
    for name, section in config.teachers.items():
        teacher = _open(name, section, config)
        known = known_proteins(teacher, corpus)
        found[name] = OpenTeacher(teacher, known)
        for split, share in coverage(known, corpus).items():
            if not share:
                raise TrainingError(
                    f"teachers.{name}: knows no {split} protein of {corpus.path}; proteins are "
                    "found by their sequences, so that it must have embedded this corpus: "
                    "`multiprot teach RECIPE`"
                )
    return found


def _open(name: str, teacher: TeacherConfig, config: PretrainConfig) -> AnyTeacher:
    if teacher.store is not None:
        return StoreTeacher(name, teacher.store, teacher)
    if config.batch.workers:
        raise TrainingError(
            f"teachers.{name}: has no store and would be asked in batch.workers "
            f"{config.batch.workers} processes; set batch.workers to 0, or give a store and run "
            "`multiprot teach`"
        )
    return LiveTeacher(str(teacher.model), teacher)


def known_proteins(teacher: AnyTeacher, corpus: Corpus) -> NDArray[np.bool_]:
    """bool [protein of the corpus]: whether a teacher knows it; reads and hashes all sequences."""
    return np.array([teacher.knows(sequence) for (sequence,) in corpus.columns("sequence")], bool)


def coverage(known: NDArray[np.bool_], corpus: Corpus) -> dict[str, float]:
    """Share of the train and of the valid proteins that are `known`, bool [protein]."""
    rows = {split: corpus.rows(split) for split in ("train", "valid")}
    return {split: float(known[each].mean()) if len(each) else 0.0 for split, each in rows.items()}


def facts_of(
    opened: OpenTeacher, config: TeacherConfig, corpus: Corpus, *, min_proteins: int = 1
) -> TeacherFacts:
    """What objectives are told of a teacher; means are over train proteins, evenly drawn.

    Parameters
    ----------
    opened
        Who is asked.
    config
        Its section.
    corpus
        Whose train proteins it is asked for.
    min_proteins
        Train proteins that a GO term needs to count as learnt, where its model does not say.
    """
    teacher, train = opened.teacher, corpus.rows("train")
    rows = train[opened.known[train]]
    chosen = rows[np.linspace(0, len(rows) - 1, min(_ASKED, len(rows))).astype(np.int64)]
    answers = [each for each in teacher.answers(corpus.read(chosen)) if each is not None]
    vectors = torch.from_numpy(np.stack([each.vector for each in answers]))
    tokens = torch.zeros(1, 0)
    if teacher.token_width:
        matrices = [each.tokens for each in answers if each.tokens is not None]
        tokens = torch.from_numpy(np.concatenate(matrices))
        tokens = tokens[~tokens.isnan().any(dim=1)]
    mean, deviation = _moments(vectors)
    token_mean, token_deviation = _moments(tokens)
    return TeacherFacts(
        mean=mean,
        deviation=deviation,
        token_mean=token_mean,
        token_deviation=token_deviation,
        term_vectors=term_vectors(config, corpus, min_proteins),
        heads=structure_heads(config),
    )


def _moments(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, float32 [channel], of `values` [item, channel]."""
    wide = values.double()
    mean = wide.mean(dim=0)
    return mean.float(), (wide - mean).square().mean(dim=0).sqrt().float()


def told_of(teachers: Mapping[str, OpenTeacher], corpus: Corpus) -> dict[str, Any] | None:
    """What the card says of the teachers: model, content hash, share of the proteins known."""
    if not teachers:
        return None
    return {
        name: {**each.teacher.source, "share_known": coverage(each.known, corpus)}
        for name, each in teachers.items()
    }
