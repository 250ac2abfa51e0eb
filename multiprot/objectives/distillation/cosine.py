"""Distillation by direction: the angle between the head's answer and the teacher's vector.

With t the teacher's vector of a protein, m its mean over the train proteins (0 without `centred`)
and s = head(student's vector),

  L = 1 − s · (t − m) / (|s| |t − m|)

Lengths do not matter, as they do not for cosine search. Such a loss is that of DistilBERT's hidden
states (Sanh et al. 2019, arXiv:1910.01108). Where t is m but for rounding there is no direction,
and L is 1 whatever is answered.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from multiprot.encoders.contract import ObjectiveContext
from multiprot.objectives.distillation.configs import CosineConfig
from multiprot.objectives.distillation.teachers import chosen_teachers
from multiprot.objectives.distillation.vectors import VectorDistillation


class DistillCosine(VectorDistillation):
    """1 − cosine."""

    name: ClassVar[str] = "distill-cosine"

    def __init__(self, config: CosineConfig, context: ObjectiveContext) -> None:
        super().__init__(config, context, chosen_teachers(config, context, self.name))
        self.config = config

    def targets(self, vectors: Tensor, teacher: int) -> Tensor:
        """Unit vectors from the mean, or from zero."""
        if self.config.centred:
            return self.statistics[teacher].direction(vectors)
        return functional.normalize(vectors, dim=1)

    def losses(self, answers: Tensor, targets: Tensor, teacher: int) -> Tensor:
        """1 − cosine with unit vectors."""
        return 1 - (functional.normalize(answers, dim=1) * targets).sum(dim=1)
