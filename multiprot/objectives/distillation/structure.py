"""Distillation of structure: what the teacher's own heads read off its tokens.

A teacher that was trained with `fold-state`, `dihedral` or `pairwise-distance` has a head for each.
Of residue r, or a pair of residues, these give distributions: p over twenty 3Di states, von Mises
with vector v = κ (cos μ, sin μ) for each backbone angle, p over bins of distance. With q and w what
the student's heads give, τ the temperature and A(κ) = I₁(κ) / I₀(κ),

  fold-state, pairwise-distance:  τ² KL( p^{1/τ} ‖ q^{1/τ} )
  dihedral:                       log I₀(|w|) − log I₀(|v|) + A(|v|) (|v| − v · w / |v|)
  L_i = sum over parts of their means over the residues, or pairs, of protein i

and L is the mean over proteins. The second line is the divergence of two von Mises distributions
(written out in Diethe 2015, arXiv:1502.07104); soft targets are Hinton et al. 2015,
arXiv:1503.02531. Beside hard targets, which the same three objectives have, these are there where
nobody knows the structure, and say how sure the teacher is.

Pairs are those that lie `separations` apart along the chain, and of each separation every
`every`-th: as many for each residue, whatever the protein's length, and the same at each step. Two
neighbours, and two that lie as far apart beside them, tell nearly the same, and pairs are what
costs. Heads are of their own for each teacher. `baseline_loss` is that of an answer of zeros: all
states, angles and distances alike.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import ObjectiveContext
from multiprot.objectives.distillation.base import Lesson
from multiprot.objectives.distillation.configs import StructureConfig, StructurePart
from multiprot.objectives.distillation.residues import TokenDistillation
from multiprot.objectives.distillation.structure_heads import (
    TeacherHeads,
    parts_of,
    student_heads,
)
from multiprot.objectives.distillation.structure_readings import Reading, reading_of
from multiprot.objectives.distillation.teachers import chosen_teachers


class DistillStructure(TokenDistillation):
    """Divergence of 3Di states, dihedrals and distances.

    Raises
    ------
    ConfigError
        If a teacher has no tokens, or no head for a part that is asked for.
    """

    name: ClassVar[str] = "distill-structure"

    def __init__(self, config: StructureConfig, context: ObjectiveContext) -> None:
        wanted = config.parts
        teachers = chosen_teachers(
            config,
            context,
            self.name,
            has=lambda facts: (
                facts.token_width > 0
                and bool(parts_of(facts.heads))
                and set(wanted or ()) <= set(parts_of(facts.heads))
            ),
            what=f"tokens and heads for {', '.join(wanted or ('structure',))}",
        )
        super().__init__(config, context, teachers)
        self.config = config
        self.parts = [wanted or parts_of(facts.heads) for facts in teachers.values()]
        self.theirs = nn.ModuleList(TeacherHeads(facts.heads) for facts in teachers.values())
        self.heads = nn.ModuleList(
            student_heads(context.width, facts.heads, parts)
            for facts, parts in zip(teachers.values(), self.parts, strict=True)
        )

    def lesson(self, number: int, prefixes: list[Tensor], given: Tensor, known: Tensor) -> Lesson:
        """The divergences, together and of each part."""
        mine = dict(self.heads[number].named_parameters())
        with torch.no_grad():
            readings = self._readings(number, given, known)
            baseline = sum_of({part: each.losses_of_zeros() for part, each in readings.items()})
            view = self.view(number, given, known)
        found = [
            {part: each.losses(mine, prefix) for part, each in readings.items()}
            for prefix in prefixes
        ]
        return Lesson(
            known=known.any(dim=1),
            losses=torch.stack([sum_of(each) for each in found]),
            baseline=baseline,
            view=view,
            told={part: each.detach() for part, each in found[-1].items()},
        )

    def _readings(self, number: int, given: Tensor, known: Tensor) -> dict[StructurePart, Reading]:
        """What a teacher reads off its tokens, part by part."""
        theirs: TeacherHeads = self.theirs[number]  # type: ignore[assignment]
        return {
            part: reading_of(part, self.config, theirs.weights, given, known)
            for part in self.parts[number]
        }


def sum_of(parts: dict[StructurePart, Tensor]) -> Tensor:
    """Sum [protein] over parts."""
    return torch.stack(list(parts.values())).sum(dim=0)
