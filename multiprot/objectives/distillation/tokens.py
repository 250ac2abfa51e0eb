"""Distillation of tokens: the teacher's token of each residue, guessed from the student's.

With t_r the teacher's token of residue r, m and σ mean and deviation of its channels over residues
of the train proteins, s_r = head(student's fused token of r) and R_i the residues of protein i of
which both have a token,

  u_r = (t_r − m) / σ
  huber:   ℓ_r = mean over channels of h_δ(s_r − u_r), as of `distill-huber`
  cosine:  ℓ_r = 1 − cos(s_r, u_r)
  L_i = mean over r in R_i of ℓ_r

and L is the mean over proteins, so that a protein counts as one whatever its length, as it does for
every other objective of distillation; a mean over all residues would be one over long proteins.
Hidden states of a teacher as targets are FitNets' hints (Romero et al. 2015, arXiv:1412.6550).
Heads are of their own, one for each teacher that has tokens; what the teacher knows of a part of a
protein counts, also where a crop leaves no vector of the whole.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from multiprot.encoders.contract import ObjectiveContext
from multiprot.objectives.distillation.base import Lesson
from multiprot.objectives.distillation.configs import TokensConfig
from multiprot.objectives.distillation.huber import huber
from multiprot.objectives.distillation.residues import TokenDistillation
from multiprot.objectives.distillation.teachers import chosen_teachers, projection_head


class DistillTokens(TokenDistillation):
    """Huber loss or 1 − cosine, residue by residue.

    Raises
    ------
    ConfigError
        If a teacher has no tokens.
    """

    name: ClassVar[str] = "distill-tokens"

    def __init__(self, config: TokensConfig, context: ObjectiveContext) -> None:
        teachers = chosen_teachers(
            config, context, self.name, has=lambda facts: facts.token_width > 0, what="tokens"
        )
        super().__init__(config, context, teachers)
        self.config = config
        self.statistics.refuse_constant(self.name, "tokens")
        self.heads = nn.ModuleList(
            projection_head(config.head, context.width, facts.token_width)
            for facts in teachers.values()
        )

    def lesson(self, number: int, prefixes: list[Tensor], given: Tensor, known: Tensor) -> Lesson:
        """The mean losses over residues, and the mean cosine with the target."""
        targets = self.statistics[number].standardised(given)
        answers = [self.heads[number](prefix) for prefix in prefixes]
        losses = [self._losses(answer, targets, number) for answer in answers]
        with torch.no_grad():
            baseline = self._losses(torch.zeros_like(targets), targets, number)
            cosine = functional.cosine_similarity(answers[-1], targets, dim=-1)
            view = self.view(number, given, known)
        return Lesson(
            known=known.any(dim=1),
            losses=torch.stack([protein_means(each, known) for each in losses]),
            baseline=protein_means(baseline, known),
            view=view,
            told={"cosine": protein_means(cosine, known)},
        )

    def _losses(self, answers: Tensor, targets: Tensor, teacher: int) -> Tensor:
        """Losses, float32 [protein, residue], of answers and standardised tokens."""
        if self.config.loss == "cosine":
            return 1 - functional.cosine_similarity(answers, targets, dim=-1)
        return huber(answers, targets, self.statistics[teacher].varies, self.config.delta)


def protein_means(values: Tensor, known: Tensor) -> Tensor:
    """Means, float32 [protein], of values [protein, residue] where `known`; 0 where nothing is."""
    return torch.where(known, values, 0.0).sum(dim=1) / known.sum(dim=1).clamp(min=1)
