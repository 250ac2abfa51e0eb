"""Distillation by regression: each channel of the teacher's vector, in standard deviations.

With t the teacher's vector of a protein, m and σ mean and deviation of its channels over the train
proteins and s = head(student's vector),

  u_c = (t_c − m_c) / σ_c,   L = mean over c of h_δ(s_c − u_c)
  h_δ(e) = e² / 2  if |e| ≤ δ,  else δ (|e| − δ / 2)

the loss of Huber (1964, Ann. Math. Statist. 35:73). A channel that does not vary over the train
proteins does not count.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from multiprot.encoders.contract import ObjectiveContext
from multiprot.objectives.distillation.configs import HuberConfig
from multiprot.objectives.distillation.teachers import chosen_teachers
from multiprot.objectives.distillation.vectors import VectorDistillation


class DistillHuber(VectorDistillation):
    """Huber loss of standardised channels."""

    name: ClassVar[str] = "distill-huber"

    def __init__(self, config: HuberConfig, context: ObjectiveContext) -> None:
        super().__init__(config, context, chosen_teachers(config, context, self.name))
        self.config = config
        self.statistics.refuse_constant(self.name, "vectors")

    def targets(self, vectors: Tensor, teacher: int) -> Tensor:
        """Channels in deviations from their mean."""
        return self.statistics[teacher].standardised(vectors)

    def losses(self, answers: Tensor, targets: Tensor, teacher: int) -> Tensor:
        """Mean over the channels that vary."""
        varies = self.statistics[teacher].varies
        return huber(answers, targets, varies, self.config.delta)


def huber(answers: Tensor, targets: Tensor, varies: Tensor, delta: float) -> Tensor:
    """Mean Huber loss, float32 [...], of [..., channel] over the channels `varies`, bool."""
    each = functional.huber_loss(answers, targets, reduction="none", delta=delta)
    return (each * varies).sum(dim=-1) / varies.sum()
