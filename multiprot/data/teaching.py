"""What teachers made of the proteins of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from multiprot.data.token_cache.reader import Excerpt
from multiprot.encoders.contract import Taught, Teachings
from multiprot.proteins import ProteinRecord


class Answer(NamedTuple):
    """What a teacher made of a whole protein.

    Attributes
    ----------
    vector
        float32 [width].
    tokens
        [residue, token width], NaN at residues without a token; None of a teacher without tokens.
    """

    vector: NDArray[np.float32]
    tokens: NDArray[np.floating] | None


class Teacher(Protocol):
    """Answers for whole proteins; picklable, for loader workers."""

    @property
    def width(self) -> int:
        """Channels of a vector."""
        ...

    @property
    def token_width(self) -> int:
        """Channels of a residue's token; 0 for a teacher without tokens."""
        ...

    @property
    def teaches_crops(self) -> bool:
        """Whether a batch that holds a part of a protein learns the whole protein's vector."""
        ...

    def answers(self, records: Sequence[ProteinRecord]) -> Sequence[Answer | None]:
        """One for each of `records`; None of a protein that the teacher does not know."""
        ...


def teachings(teachers: Mapping[str, Teacher], excerpts: Sequence[Excerpt]) -> Teachings | None:
    """What `teachers` made of what a batch holds of each protein; None where there are none."""
    if not teachers:
        return None
    return Teachings({name: _taught(teacher, excerpts) for name, teacher in teachers.items()})


def _taught(teacher: Teacher, excerpts: Sequence[Excerpt]) -> Taught:
    longest = max(excerpt.stop - excerpt.start for excerpt in excerpts)
    vectors = np.zeros((len(excerpts), teacher.width), np.float32)
    known = np.zeros(len(excerpts), np.bool_)
    tokens = np.zeros((len(excerpts), longest, teacher.token_width), np.float32)
    tokens_known = np.zeros((len(excerpts), longest), np.bool_)
    answers = teacher.answers([excerpt.record for excerpt in excerpts])
    for row, (excerpt, answer) in enumerate(zip(excerpts, answers, strict=True)):
        if answer is None:
            continue
        residues = excerpt.stop - excerpt.start
        if teacher.teaches_crops or residues == len(excerpt.record):
            vectors[row], known[row] = answer.vector, True
        if answer.tokens is not None:
            part = answer.tokens[excerpt.start : excerpt.stop].astype(np.float32)
            there = ~np.isnan(part).any(axis=1)
            tokens[row, :residues][there] = part[there]
            tokens_known[row, :residues] = there
    arrays = (vectors, known, tokens, tokens_known)
    return Taught(*(torch.from_numpy(array) for array in arrays))
