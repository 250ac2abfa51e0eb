"""A policy that selects, for each protein, the one teacher from which it is learnt.

With detached inputs x_i (the student's vector), t_ik (what teacher k made of the protein,
standardised) and ℓ_ik (the loss towards it, standardised), K_i the teachers that know it,

  z_ik = w · relu(U x_i + V_k t_ik + c ℓ_ik),   π_i = softmax of z_i over K_i
  a_i ~ π_i in training, argmax of π_i else
  L_i = L_i,a_i − A_i log π_i(a_i) − β H(π_i),  A_i = (r_i − r̄) / σ_r,  r_i = −L_i,a_i

The second and third term move the policy alone, the first one everything else; as values they are
left out, and the loss is that towards the selected teachers. This is REINFORCE with a baseline
(Williams 1992): r̄ and σ_r are running mean and deviation of the rewards that all teachers of all
processes would have given, selected or not, one for all of them; A is cut at ±10. The deviation of
selected ones alone would shrink as the policy settles, and entropy could not keep it open.

It is the selector of MTDP's figure (Shang et al. 2024, arXiv:2405.11735), of which no code was
released, after Yuan et al. (2021, arXiv:2012.06048). They decide on each teacher for itself and
reward whole episodes; here a protein has exactly one teacher, and its own loss is the reward.

MTDP's reward has the student's masked-residue loss in it, too. That is the objective
`masked-residue` beside this one, and nothing of it is needed here: it is computed from the same
student whatever is selected, so it adds the same to r_i of every a_i. An amount that does not
depend on the action leaves the mean of A ∇ log π as it is, for the mean of ∇ log π is 0; the
baseline would take it away again, and what remained is noise.

The draw of a protein follows from its id, a count of the batches seen in training and a seed that
was drawn when the policy was made; count and seed are part of the state. It is the same whatever
else is in the batch and in whichever process, and in a run that was resumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from multiprot.objectives.distillation.configs import SelectorConfig
from multiprot.objectives.distillation.weighting import TeacherLosses, Weighted, Weighting
from multiprot.objectives.gather import joint_means
from multiprot.objectives.numeric import NOTHING
from multiprot.objectives.protein_queue import protein_keys

FARTHEST: Final = 10.0
"""Deviations from the running mean at which a loss is cut."""
_UNSIGNED: Final = 2**64


class RunningMoments(nn.Module):
    """Mean and deviation of numbers of the latest steps of all processes; part of the state.

    Parameters
    ----------
    memory
        How much of what was counted is left after a step.
    """

    weight: Tensor
    mean: Tensor
    squares: Tensor

    def __init__(self, memory: float) -> None:
        super().__init__()
        self.memory = memory
        for name in ("weight", "mean", "squares"):
            self.register_buffer(name, torch.zeros(()))

    @torch.no_grad()
    def update(self, numbers: Tensor, counted: Tensor) -> None:
        """Count `numbers` [item] where `counted`, bool [item]; every process must call it."""
        apart = torch.where(counted, numbers.detach() - self.mean, 0.0)
        means = joint_means(apart.sum(), counted.sum(), {"square": apart.square().sum()})
        old = self.weight * self.memory
        share = means.count / (old + means.count).clamp(min=1e-9)
        step = share * means.loss
        # Squares are taken from the mean as it is now: those before move by it, too.
        kept = (1 - share) * (self.squares + step.square())
        new = share * (means.metrics["square"] - 2 * step * means.loss + step.square())
        self.squares.copy_((kept + new).clamp(min=0))
        self.mean.add_(step)
        self.weight.copy_(old + means.count)

    def standardised(self, numbers: Tensor) -> Tensor:
        """In deviations from the mean, cut at ±10; as they are while nothing was counted."""
        deviation = torch.where(self.weight > 0, self.squares.sqrt(), 1.0).clamp(min=1e-9)
        return ((numbers - self.mean) / deviation).clamp(-FARTHEST, FARTHEST)


class Selector(Weighting):
    """Of the teachers that know a protein, the one that a policy selects.

    Parameters
    ----------
    config
        Its options.
    student
        Channels of the student's vector.
    views
        Channels of what each teacher made of a protein.
    """

    looks: ClassVar[bool] = True
    seed: Tensor
    step: Tensor

    def __init__(self, config: SelectorConfig, student: int, views: Sequence[int]) -> None:
        super().__init__()
        self.config = config
        self.of_student = nn.Linear(student, config.hidden)
        self.of_teachers = nn.ModuleList(nn.Linear(view, config.hidden) for view in views)
        self.of_loss = nn.Linear(1, config.hidden, bias=False)
        self.score = nn.Linear(config.hidden, 1, bias=False)
        self.moments = RunningMoments(config.memory)
        self.register_buffer("seed", torch.randint(2**62, ()))
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, seen: TeacherLosses) -> Weighted:
        """The loss towards the selected teacher; in training, counts the batch."""
        counted = seen.known.any(dim=1)
        log_policy = self.log_policy(seen)
        choice = self._choice(log_policy, seen.ids)[:, None]
        losses = seen.losses.gather(1, choice).squeeze(1)
        entropy = torch.where(counted, -(log_policy.exp() * log_policy).sum(dim=1), 0.0)
        chosen = torch.zeros_like(log_policy).scatter(1, choice, 1.0)
        weighted = torch.where(seen.known, chosen, 0.0)
        told = {"policy_entropy": entropy.detach()}
        if not self.training:
            return Weighted(losses, weighted, told)
        self.moments.update(seen.losses.flatten(), seen.known.flatten())
        advantage = -self.moments.standardised(losses.detach())
        surrogate = -advantage * log_policy.gather(1, choice).squeeze(1)
        surrogate = torch.where(counted, surrogate, 0.0) - self.config.entropy * entropy
        self.step.add_(1)
        return Weighted(losses + (surrogate - surrogate.detach()), weighted, told)

    def log_policy(self, seen: TeacherLosses) -> Tensor:
        """Log probability of each teacher, float32 [protein, teacher].

        About `NOTHING` where a teacher does not know the protein, and another one does.
        """
        student = self.of_student(seen.student)
        losses = self.moments.standardised(seen.losses.detach())
        scores = [
            self.score(functional.relu(student + of_teacher(view) + self.of_loss(loss[:, None])))
            for of_teacher, view, loss in zip(
                self.of_teachers, seen.views, losses.unbind(dim=1), strict=True
            )
        ]
        possible = seen.known | ~seen.known.any(dim=1, keepdim=True)
        logits = torch.cat(scores, dim=1).float().masked_fill(~possible, NOTHING)
        return logits.log_softmax(dim=1)

    def _choice(self, log_policy: Tensor, ids: Sequence[str]) -> Tensor:
        """int64 [protein]: the selected teacher."""
        if not self.training:
            return log_policy.argmax(dim=1)
        # The largest of log π plus Gumbel noise is a draw from π (Gumbel 1954).
        noise = gumbel_noise(ids, log_policy.shape[1], (int(self.seed), int(self.step)))
        return (log_policy.detach() + noise.to(log_policy)).argmax(dim=1)


def gumbel_noise(ids: Sequence[str], teachers: int, place: tuple[int, int]) -> Tensor:
    """Standard Gumbel numbers, float64 [protein, teacher], by id and `place` alone."""
    keys = [key % _UNSIGNED for key in protein_keys(ids).tolist()]
    rows = [np.random.default_rng((*place, key)).gumbel(size=teachers) for key in keys]
    return torch.from_numpy(np.array(rows).reshape(len(keys), teachers))
