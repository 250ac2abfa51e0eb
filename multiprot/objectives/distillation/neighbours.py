"""Distillation of neighbours: a protein's nearest ones come first, in the teacher's order.

With d_ij the cosine of proteins i and j in the teacher's space after its mean was subtracted, s_ij
that in the student's divided by τ, and N_i the k proteins j ≠ i with the largest d_ij,

  L_i = mean over j in N_i of −log( e^{s_ij} / Σ_{l ≠ i: d_il ≤ d_ij} e^{s_il} )

the likelihood that the student, drawing one protein after the other by e^s, draws the teacher's k
nearest first and in their order: ListMLE (Xia et al. 2008, ICML) of the top k (Xia, Liu & Li 2009,
NIPS). k is `neighbours`, or all others but one where there are fewer. Proteins that the teacher
finds equally near, to five digits, have no order: each is drawn among the same ones (Breslow 1974,
Biometrics 30:89), and of those that tie for the last place none is in N_i. So the order of the
batch does not matter, and a protein from which all are equally far does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from multiprot.encoders.contract import ObjectiveContext
from multiprot.objectives.distillation.company import CompanyDistillation, Similarities
from multiprot.objectives.distillation.configs import NeighboursConfig
from multiprot.objectives.distillation.teachers import chosen_teachers
from multiprot.objectives.numeric import masked_log_sum

ALIKE: Final = 1e-5
"""Cosines that differ by less are alike: of equal vectors a matrix product rounds them apart."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """Each protein's nearest others, the nearest first.

    Attributes
    ----------
    rows
        int64 [protein, place]: columns of the others.
    cosines
        float32 [protein, place], in the teacher's space.
    counted
        bool [protein, place]: it is nearer than the next one after the k-th.
    """

    rows: Tensor
    cosines: Tensor
    counted: Tensor


class DistillNeighbours(CompanyDistillation):
    """ListMLE of the nearest."""

    name: ClassVar[str] = "distill-neighbours"

    def __init__(self, config: NeighboursConfig, context: ObjectiveContext) -> None:
        super().__init__(config, context, chosen_teachers(config, context, self.name))
        self.config = config

    def losses(self, similarities: Similarities) -> Tensor:
        """Mean over the nearest of what each costs to draw."""
        near = nearest(similarities, self.config.neighbours)
        scores = similarities.student / self.config.temperature
        later = similarities.teacher[:, None, :] <= near.cosines[:, :, None] + ALIKE
        later = later & similarities.others[:, None, :]
        among = masked_log_sum(scores[:, None, :].expand(later.shape), later, dim=2)
        each = torch.where(near.counted, among - scores.gather(1, near.rows), 0.0)
        return each.sum(dim=1) / near.counted.sum(dim=1).clamp(min=1)

    def counted(self, similarities: Similarities) -> Tensor:
        """bool [protein]: some others are nearer than others."""
        near = nearest(similarities, self.config.neighbours)
        return super().counted(similarities) & near.counted.any(dim=1)

    def told(self, similarities: Similarities) -> dict[str, Tensor]:
        """Share of the teacher's nearest that are among as many nearest of the student's."""
        near = nearest(similarities, self.config.neighbours)
        found = similarities.student.masked_fill(~similarities.others, -torch.inf)
        ranks = found.argsort(dim=1, descending=True).argsort(dim=1).gather(1, near.rows)
        wanted = near.counted.sum(dim=1)
        hits = ((ranks < wanted[:, None]) & near.counted).sum(dim=1)
        return {"recall": hits / wanted.clamp(min=1)}


@torch.no_grad()
def nearest(similarities: Similarities, neighbours: int) -> Nearest:
    """The `neighbours` nearest of each protein in the teacher's space, without ties at the end."""
    others = similarities.others
    found = similarities.teacher.masked_fill(~others, -torch.inf)
    values, rows = found.topk(min(neighbours + 1, others.shape[1]), dim=1)
    last = (others.sum(dim=1) - 1).clamp(min=0, max=values.shape[1] - 1)
    return Nearest(rows, values, values > values.gather(1, last[:, None]) + ALIKE)
