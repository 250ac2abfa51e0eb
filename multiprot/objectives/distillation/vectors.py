"""Base of the objectives in which a head guesses a teacher's vector of a protein from its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from multiprot.encoders.contract import (
    FusionOutputs,
    ObjectiveContext,
    ProteinBatch,
    TeacherFacts,
)
from multiprot.objectives.distillation.base import Distillation, Lesson, taught_by
from multiprot.objectives.distillation.configs import HeadConfig
from multiprot.objectives.distillation.teachers import (
    StatisticsOfTeachers,
    projection_head,
    student_prefixes,
)


class VectorDistillation(Distillation):
    """A head for each teacher, from the student's width to the teacher's.

    Parameters
    ----------
    config, context
        As of every objective.
    teachers
        Whom to learn from, as of `chosen_teachers`.
    """

    def __init__(
        self,
        config: HeadConfig,
        context: ObjectiveContext,
        teachers: Mapping[str, TeacherFacts],
    ) -> None:
        super().__init__(config, context, {name: f.width for name, f in teachers.items()})
        self.statistics = StatisticsOfTeachers.of_vectors(teachers)
        self.heads = nn.ModuleList(
            projection_head(config.head, context.width, facts.width) for facts in teachers.values()
        )

    def targets(self, vectors: Tensor, teacher: int) -> Tensor:
        """What a head is to answer, float32 [protein, channel]: the teacher's vectors as they are.

        Parameters
        ----------
        vectors
            float32 [protein, channel].
        teacher
            Its place in `names`.
        """
        return vectors

    @abstractmethod
    def losses(self, answers: Tensor, targets: Tensor, teacher: int) -> Tensor:
        """Losses, float32 [protein].

        Parameters
        ----------
        answers, targets
            float32 [protein, channel].
        teacher
            Its place in `names`.
        """

    def lessons(self, outputs: FusionOutputs, batch: ProteinBatch) -> list[Lesson]:
        """Of each teacher the losses of what its head answers, and its cosine with the target."""
        student = outputs.protein.float()
        return [
            self._lesson(number, student, outputs.fused_tokens.mask, batch)
            for number in range(len(self.names))
        ]

    def _lesson(self, number: int, student: Tensor, seen: Tensor, batch: ProteinBatch) -> Lesson:
        statistics, head = self.statistics[number], self.heads[number]
        taught = taught_by(batch, self.names[number], len(statistics.mean), 0, seen)
        # Where nothing is known the mean stands in, so that each number is finite.
        vectors = torch.where(taught.known[:, None], taught.vectors, statistics.mean)
        targets = self.targets(vectors, number)
        answers = [head(prefix) for prefix in student_prefixes(student, self.widths)]
        losses = torch.stack([self.losses(answer, targets, number) for answer in answers])
        with torch.no_grad():
            ignorant = self.targets(statistics.mean[None], number).expand_as(targets)
            baseline = self.losses(ignorant, targets, number)
            cosine = functional.cosine_similarity(answers[-1], targets, dim=1)
        return Lesson(
            known=taught.known,
            losses=losses,
            baseline=baseline,
            view=statistics.standardised(vectors),
            told={"cosine": cosine},
        )
