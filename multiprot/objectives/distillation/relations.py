"""Distillation of relations: how similar a protein is to each of the others.

With c_ij the cosine of proteins i and j in the student's space, d_ij that in the teacher's after
its mean was subtracted, j ≠ i all other proteins that the teacher knows, and temperature τ,

  p_i = softmax over j of d_ij / τ,   q_i = softmax over j of c_ij / τ
  L_i = KL(p_i ‖ q_i)

Probabilistic knowledge transfer (Passalis & Tefas 2018, arXiv:1803.10837) compares such conditional
probabilities; that they are a softmax of cosines with a temperature is as in CompRess
(Koohpayegani et al. 2020, arXiv:2010.14701). What is learnt does not depend on the teacher's width
or orientation, so there is no head, and nothing of the student is spent on one. The others are
those of the batches of all processes: the larger the batch, the more is said.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from multiprot.encoders.contract import ObjectiveContext
from multiprot.objectives.distillation.company import CompanyDistillation, Similarities
from multiprot.objectives.distillation.configs import RelationsConfig
from multiprot.objectives.distillation.kl import divergence
from multiprot.objectives.distillation.teachers import chosen_teachers
from multiprot.objectives.numeric import NOTHING


class DistillRelations(CompanyDistillation):
    """Divergence over the other proteins."""

    name: ClassVar[str] = "distill-relations"

    def __init__(self, config: RelationsConfig, context: ObjectiveContext) -> None:
        super().__init__(config, context, chosen_teachers(config, context, self.name))
        self.config = config

    def losses(self, similarities: Similarities) -> Tensor:
        """KL of the two softmaxes over the others."""
        teacher, student = (
            (each / self.config.temperature).masked_fill(~similarities.others, NOTHING)
            for each in (similarities.teacher, similarities.student)
        )
        return divergence(teacher, student)
