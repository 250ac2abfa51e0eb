"""How similar a protein is to the others of all processes, for the student and for a teacher."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from multiprot.encoders.contract import (
    FusionOutputs,
    ObjectiveContext,
    ProteinBatch,
    TeacherFacts,
)
from multiprot.objectives.distillation.base import Distillation, Lesson, taught_by
from multiprot.objectives.distillation.configs import DistillationConfig
from multiprot.objectives.distillation.teachers import StatisticsOfTeachers, student_prefixes
from multiprot.objectives.gather import gather_rows
from multiprot.objectives.protein_queue import protein_keys

FEWEST: Final = 2
"""Others that a protein must have: of one alone there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Similarities:
    """Proteins of this process against those of all processes.

    Attributes
    ----------
    student, teacher
        Cosines, float32 [protein, other], in either space.
    others
        bool [protein, other]: another protein, which the teacher knows as it does this one.
    """

    student: Tensor
    teacher: Tensor
    others: Tensor


class CompanyDistillation(Distillation):
    """Base of the objectives that compare similarities, not vectors; they need no heads.

    Cosines are those of the student's vectors as they are, and of the teacher's after its mean over
    the train proteins was subtracted. A protein is not compared with itself, also where it is in
    the batches twice. It counts where it has at least two others.

    Parameters
    ----------
    config, context
        As of every objective.
    teachers
        Whom to learn from, as of `chosen_teachers`.
    """

    def __init__(
        self,
        config: DistillationConfig,
        context: ObjectiveContext,
        teachers: Mapping[str, TeacherFacts],
    ) -> None:
        super().__init__(config, context, {name: f.width for name, f in teachers.items()})
        self.statistics = StatisticsOfTeachers.of_vectors(teachers)

    @abstractmethod
    def losses(self, similarities: Similarities) -> Tensor:
        """Losses, float32 [protein]; finite also where a protein has no others."""

    def counted(self, similarities: Similarities) -> Tensor:
        """bool [protein]: there is something to learn of it."""
        return similarities.others.sum(dim=1) >= FEWEST

    def told(self, similarities: Similarities) -> dict[str, Tensor]:
        """Metrics, float32 [protein], of the whole student's vector."""
        return {}

    def lessons(self, outputs: FusionOutputs, batch: ProteinBatch) -> list[Lesson]:
        """Losses of the similarities towards each teacher."""
        own = outputs.protein.float()
        seen = outputs.fused_tokens.mask
        keys = protein_keys(batch.ids).to(own.device)[:, None]
        apart = keys != gather_rows(keys).T
        everyone = gather_rows(own)
        pairs = [
            cosines(*both)
            for both in zip(
                student_prefixes(own, self.widths),
                student_prefixes(everyone, self.widths),
                strict=True,
            )
        ]
        return [
            self._lesson(number, pairs, apart, batch, seen) for number in range(len(self.names))
        ]

    def _lesson(
        self, number: int, pairs: list[Tensor], apart: Tensor, batch: ProteinBatch, seen: Tensor
    ) -> Lesson:
        statistics = self.statistics[number]
        taught = taught_by(batch, self.names[number], len(statistics.mean), 0, seen)
        vectors = torch.where(taught.known[:, None], taught.vectors, statistics.mean)
        directions = statistics.direction(vectors)
        teacher = directions @ gather_rows(directions).T
        known = gather_rows(taught.known.long()[:, None])[:, 0] > 0
        others = apart & known & taught.known[:, None]
        each = [Similarities(student, teacher, others) for student in pairs]
        with torch.no_grad():
            ignorant = Similarities(torch.zeros_like(teacher), teacher, others)
            baseline, told = self.losses(ignorant), self.told(each[-1])
        return Lesson(
            known=taught.known & self.counted(each[-1]),
            losses=torch.stack([self.losses(similarities) for similarities in each]),
            baseline=baseline,
            view=statistics.standardised(vectors),
            told=told,
        )


def cosines(rows: Tensor, columns: Tensor) -> Tensor:
    """Cosines, float32 [row, column], of vectors [row, channel] and [column, channel]."""
    return functional.normalize(rows, dim=1) @ functional.normalize(columns, dim=1).T
