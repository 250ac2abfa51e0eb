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

Pairs are those that lie `separations` apart along the chain: as many for each residue, whatever
the protein's length, and the same at each step. Heads are of their own for each teacher.
`baseline_loss` is that of an answer of zeros: all states, angles and distances alike.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from multiprot.encoders.contract import ObjectiveContext
from multiprot.objectives.distillation.base import Lesson
from multiprot.objectives.distillation.configs import StructureConfig, StructurePart
from multiprot.objectives.distillation.kl import divergence
from multiprot.objectives.distillation.residues import TokenDistillation
from multiprot.objectives.distillation.structure_heads import (
    TeacherHeads,
    Weights,
    dihedral_vectors,
    fold_logits,
    pair_map,
    parts_of,
    separated,
    student_heads,
)
from multiprot.objectives.distillation.teachers import chosen_teachers
from multiprot.objectives.distillation.tokens import protein_means


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
        theirs: TeacherHeads = self.theirs[number]  # type: ignore[assignment]
        reading = _Reading(self.config, theirs.weights, given, known)
        mine = dict(self.heads[number].named_parameters())
        parts = self.parts[number]
        found = [reading.of_parts(parts, mine, prefix) for prefix in prefixes]
        with torch.no_grad():
            nothing = {name: torch.zeros_like(weight) for name, weight in mine.items()}
            baseline = reading.of_parts(parts, nothing, prefixes[-1])
            view = self.view(number, given, known)
        return Lesson(
            known=known.any(dim=1),
            losses=torch.stack([sum_of(each) for each in found]),
            baseline=sum_of(baseline),
            view=view,
            told={part: each.detach() for part, each in found[-1].items()},
        )


class _Reading:
    """What one teacher's heads say of a batch.

    Parameters
    ----------
    config
        Temperature and separations.
    theirs
        The teacher's heads.
    given
        float32 [protein, residue, token width]: its tokens, finite.
    known
        bool [protein, residue]: they count.
    """

    def __init__(
        self, config: StructureConfig, theirs: Weights, given: Tensor, known: Tensor
    ) -> None:
        self._config, self._theirs, self._given, self._known = config, theirs, given, known

    def of_parts(
        self, parts: tuple[StructurePart, ...], mine: Weights, tokens: Tensor
    ) -> dict[str, Tensor]:
        """Divergences, float32 [protein], of what `mine` reads off `tokens`, of each part."""
        each = {
            "fold-state": self._fold_states,
            "dihedral": self._dihedrals,
            "pairwise-distance": self._distances,
        }
        return {part: each[part](mine, tokens) for part in parts}

    def _fold_states(self, mine: Weights, tokens: Tensor) -> Tensor:
        known, heat = self._known, self._config.temperature
        truth = fold_logits(self._theirs, self._given[known])
        apart = divergence(truth / heat, fold_logits(mine, tokens[known]) / heat) * heat**2
        return protein_means(self._spread(apart), known)

    def _dihedrals(self, mine: Weights, tokens: Tensor) -> Tensor:
        known = self._known
        truth = dihedral_vectors(self._theirs, self._given[known])
        apart = von_mises_divergence(truth, dihedral_vectors(mine, tokens[known])).mean(dim=1)
        return protein_means(self._spread(apart), known)

    def _distances(self, mine: Weights, tokens: Tensor) -> Tensor:
        """Each separation is computed once more in the backward pass, and nothing is kept."""
        sums = tokens.new_zeros(len(tokens))
        counts = tokens.new_zeros(len(tokens))
        for protein, pair in separated(self._known, self._config.separations):
            apart = checkpoint(self._of_pairs, mine, tokens, protein, pair, use_reentrant=False)
            sums = sums.index_add(0, protein, apart)
            counts = counts + torch.bincount(protein, minlength=len(tokens))
        return sums / counts.clamp(min=1)

    def _of_pairs(self, mine: Weights, tokens: Tensor, protein: Tensor, pair: Tensor) -> Tensor:
        heat, (left, right) = self._config.temperature, pair
        truth = pair_map(self._theirs).logits(
            self._given[protein, left], self._given[protein, right]
        )
        guess = pair_map(mine).logits(tokens[protein, left], tokens[protein, right])
        return divergence(truth / heat, guess / heat) * heat**2

    def _spread(self, values: Tensor) -> Tensor:
        """[protein, residue] of values [known residue]."""
        return torch.zeros_like(self._given[..., 0]).masked_scatter(self._known, values)


def sum_of(parts: dict[str, Tensor]) -> Tensor:
    """Sum [protein] over parts."""
    return torch.stack(list(parts.values())).sum(dim=0)


def von_mises_divergence(truth: Tensor, guess: Tensor) -> Tensor:
    """KL [...] of von Mises distributions, from vectors [..., 2]; nats.

    Parameters
    ----------
    truth, guess
        Concentration times cosine and sine of the mean angle. Zero: all angles alike.
    """
    # A squared length of zero has no gradient; so little more changes nothing that is seen.
    kappa, other = ((each.square().sum(dim=-1) + 1e-12).sqrt() for each in (truth, guess))
    bessel = torch.special.i0e(kappa)
    resultant = torch.special.i1e(kappa) / bessel
    along = (truth * guess).sum(dim=-1) / kappa
    scaled: Tensor = (torch.special.i0e(other) / bessel).log()
    # I₀(κ) = i0e(κ) e^κ. Large numbers are taken from each other before anything is added.
    nats: Tensor = scaled + (other - resultant * along) - kappa * (1 - resultant)
    return nats
