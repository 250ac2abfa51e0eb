"""How much each teacher's loss counts for a protein: their mean, their sum, learned variances.

With L_ik the loss of protein i towards teacher k, and K_i the teachers that know the protein,

  uniform      L_i = mean over k in K_i of L_ik
  sum          L_i = sum over k in K_i of L_ik
  uncertainty  L_i = mean over k in K_i of exp(−s_k) L_ik + s_k,    s_k = b tanh(θ_k / b)

MTDP's released code has the sum (KennthShang/MTDP, Distillation/MTDP.py; arXiv:2405.11735), which
for n teachers is n times the mean. exp(s_k) is the variance that Kendall et al. (2018,
arXiv:1705.07115, eq. 7) learn for each task, here twice their loss, so that it begins as the mean.
It settles where exp(s_k) is the mean loss towards k: no teacher counts for more because its loss
has the larger numbers. The tanh keeps it between −b and b, and never without a slope. What is added
by s_k may make the loss negative.

A policy that selects one teacher for each protein is in `selector`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherLosses:
    """The proteins of this process against all teachers, and what a policy may see of them.

    Attributes
    ----------
    ids
        Record ids, one per protein.
    losses
        float32 [protein, teacher]; 0 where not known.
    known
        bool [protein, teacher]: the teacher knows the protein.
    student
        float32 [protein, channel], without gradient: the student's vectors.
    views
        Of each teacher, float32 [protein, its channel], without gradient: what it made of the
        proteins, standardised; 0 where not known.
    """

    ids: tuple[str, ...]
    losses: Tensor
    known: Tensor
    student: Tensor
    views: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Weighted:
    """One loss for each protein.

    Attributes
    ----------
    losses
        float32 [protein]; 0 where no teacher knows the protein.
    weights
        float32 [protein, teacher], without gradient: what each teacher's loss counted.
    told
        Named float32 [protein], without gradient; 0 where no teacher knows the protein.
    """

    losses: Tensor
    weights: Tensor
    told: Mapping[str, Tensor] = field(default_factory=dict)


class Weighting(nn.Module, ABC):
    """From losses towards each teacher to one loss."""

    looks: ClassVar[bool] = False
    """Whether it reads `TeacherLosses.views`; else these may be zeros."""

    @abstractmethod
    def forward(self, seen: TeacherLosses) -> Weighted:
        """The loss of each protein; every process must call it equally often."""


class Uniform(Weighting):
    """All teachers that know a protein alike.

    Parameters
    ----------
    mean
        Their mean; else their sum.
    """

    def __init__(self, *, mean: bool = True) -> None:
        super().__init__()
        self.mean = mean

    def forward(self, seen: TeacherLosses) -> Weighted:
        """Mean or sum over the teachers."""
        weights = shares(seen.known) if self.mean else seen.known.float()
        return Weighted((weights * seen.losses).sum(dim=1), weights)


class Uncertainty(Weighting):
    """A learned log variance for each teacher.

    Parameters
    ----------
    teachers
        How many there are.
    bound
        b, the largest size of a log variance.
    """

    def __init__(self, teachers: int, bound: float) -> None:
        super().__init__()
        self.bound = bound
        self.raw = nn.Parameter(torch.zeros(teachers))

    @property
    def log_variances(self) -> Tensor:
        """float32 [teacher]."""
        return self.bound * (self.raw.float() / self.bound).tanh()

    def forward(self, seen: TeacherLosses) -> Weighted:
        """Mean over the teachers of exp(−s) L + s."""
        each, share = self.log_variances, shares(seen.known)
        precision = (-each).exp()
        losses = (share * (precision * seen.losses + each)).sum(dim=1)
        return Weighted(losses, share * precision.detach())


def shares(known: Tensor) -> Tensor:
    """float32 [protein, teacher]: one over the number of teachers that know the protein, or 0."""
    return known / known.sum(dim=1, keepdim=True).clamp(min=1)
