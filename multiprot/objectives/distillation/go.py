"""Distillation of GO: the teacher's vectors lie in a space shared with GO terms.

With g_j the unit vectors of the terms that the teacher learnt, t its vector of a protein,
s = head(student's vector), u the unit vector of each and temperature τ,

  p = softmax over j of u(t)·g_j / τ,   q = softmax over j of u(s)·g_j / τ
  L = KL(p ‖ q)

What is learnt is where a protein lies among the terms, not each channel of the space: similarity
to fixed anchors, as in SEED (Fang et al. 2021, arXiv:2101.04731), the anchors being GO terms. The
space is what `go-contrast` or `go-annotation` made of it when the teacher was trained.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from multiprot.encoders.contract import ObjectiveContext
from multiprot.objectives.distillation.configs import GoConfig
from multiprot.objectives.distillation.kl import divergence
from multiprot.objectives.distillation.teachers import chosen_teachers
from multiprot.objectives.distillation.vectors import VectorDistillation


class DistillGo(VectorDistillation):
    """Divergence over GO terms.

    Raises
    ------
    ConfigError
        If a teacher has no vectors of terms.
    """

    name: ClassVar[str] = "distill-go"

    def __init__(self, config: GoConfig, context: ObjectiveContext) -> None:
        teachers = chosen_teachers(
            config,
            context,
            self.name,
            has=lambda facts: facts.term_vectors is not None and len(facts.term_vectors) > 0,
            what="vectors in a space shared with GO terms, and vectors of terms",
        )
        super().__init__(config, context, teachers)
        self.config = config
        for number, facts in enumerate(teachers.values()):
            # A term each row; they belong to the teacher, not to the state.
            self.register_buffer(f"terms_{number}", facts.term_vectors, persistent=False)

    def losses(self, answers: Tensor, targets: Tensor, teacher: int) -> Tensor:
        """KL of the two softmaxes over terms."""
        terms = self.get_buffer(f"terms_{teacher}").float() / self.config.temperature
        near, guess = (functional.normalize(each, dim=1) @ terms.T for each in (targets, answers))
        return divergence(near, guess)
