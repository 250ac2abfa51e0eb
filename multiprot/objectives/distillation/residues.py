"""What objectives that learn from teachers' residue tokens share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from multiprot.encoders.contract import (
    FusionOutputs,
    ObjectiveContext,
    ProteinBatch,
    ResidueTokens,
    TeacherFacts,
)
from multiprot.fusion.pooling import masked_mean
from multiprot.fusion.tokens import cleared
from multiprot.objectives.distillation.base import Distillation, Lesson, taught_by
from multiprot.objectives.distillation.configs import DistillationConfig
from multiprot.objectives.distillation.teachers import StatisticsOfTeachers, student_prefixes


class TokenDistillation(Distillation):
    """Base of the objectives that learn residue by residue.

    Parameters
    ----------
    config
        Its options.
    context
        Widths.
    teachers
        Those to learn from, by name; all have tokens.
    """

    def __init__(
        self,
        config: DistillationConfig,
        context: ObjectiveContext,
        teachers: Mapping[str, TeacherFacts],
    ) -> None:
        super().__init__(config, context, {name: f.token_width for name, f in teachers.items()})
        self.statistics = StatisticsOfTeachers(
            {name: (facts.token_mean, facts.token_deviation) for name, facts in teachers.items()}
        )

    @abstractmethod
    def lesson(self, number: int, prefixes: list[Tensor], given: Tensor, known: Tensor) -> Lesson:
        """Losses towards one teacher.

        Parameters
        ----------
        number
            Which, as in `names`.
        prefixes
            The student's tokens, float32 [protein, residue, width], once for each of `widths`, with
            zeros behind it.
        given
            The teacher's, float32 [protein, residue, token width]; their mean where not known.
        known
            bool [protein, residue]: both have a token.
        """

    def lessons(self, outputs: FusionOutputs, batch: ProteinBatch) -> list[Lesson]:
        """One of each teacher."""
        tokens = outputs.fused_tokens
        prefixes = student_prefixes(cleared(tokens.values.float(), tokens.mask), self.widths)
        found = []
        for number, name in enumerate(self.names):
            mean = self.statistics[number].mean
            taught = taught_by(batch, name, 0, len(mean), tokens.mask)
            known = taught.tokens_known
            given = torch.where(known[..., None], taught.tokens.float(), mean)
            found.append(self.lesson(number, prefixes, given, known))
        return found

    def view(self, number: int, given: Tensor, known: Tensor) -> Tensor:
        """What `Lesson.view` wants; zeros where nobody looks at it."""
        if not self.weighting.looks:
            return torch.zeros_like(given[:, 0])
        return masked_mean(ResidueTokens(self.statistics[number].standardised(given), known))
