"""Distillation by divergence: a softmax over the channels of a protein's vector.

With t the teacher's vector of a protein, s = head(student's vector) and temperature τ,

  L = τ² KL( softmax(t / τ) ‖ softmax(s / τ) ) = τ² Σ_c p_c (log p_c − log q_c)

summed over channels, its mean over proteins (`KLDivLoss` with "batchmean"). With τ = 1, raw
vectors, linear heads and `weighting: sum` this is the loss of MTDP as released (Shang et al. 2024,
arXiv:2405.11735; KennthShang/MTDP, Distillation/MTDP.py). τ² keeps gradients of one size
whatever τ is (Hinton et al. 2015, arXiv:1503.02531); at τ = 1 it is nothing.

A softmax does not change when all channels grow by the same amount, and that of small numbers is
nearly uniform: of raw vectors the few largest channels decide. `standardised` takes them in
deviations from their mean over the train proteins.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from multiprot.encoders.contract import ObjectiveContext
from multiprot.objectives.distillation.configs import KlConfig
from multiprot.objectives.distillation.teachers import chosen_teachers
from multiprot.objectives.distillation.vectors import VectorDistillation


class DistillKl(VectorDistillation):
    """Divergence of the student's channels from the teacher's."""

    name: ClassVar[str] = "distill-kl"

    def __init__(self, config: KlConfig, context: ObjectiveContext) -> None:
        super().__init__(config, context, chosen_teachers(config, context, self.name))
        self.config = config
        if config.standardised:
            self.statistics.refuse_constant(self.name, "vectors")

    def targets(self, vectors: Tensor, teacher: int) -> Tensor:
        """The teacher's vectors, or these standardised."""
        return (
            self.statistics[teacher].standardised(vectors) if self.config.standardised else vectors
        )

    def losses(self, answers: Tensor, targets: Tensor, teacher: int) -> Tensor:
        """τ² KL of the two softmaxes."""
        temperature = self.config.temperature
        return temperature**2 * divergence(targets / temperature, answers / temperature)


def divergence(targets: Tensor, answers: Tensor) -> Tensor:
    """KL( softmax(targets) ‖ softmax(answers) ), float32 [row], of logits [row, channel]."""
    truth, guess = targets.log_softmax(dim=1), answers.log_softmax(dim=1)
    return functional.kl_div(guess, truth, reduction="none", log_target=True).sum(dim=1)
