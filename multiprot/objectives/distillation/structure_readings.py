"""What a teacher reads off its tokens of a batch, and how far a student's answers are from it.

The teacher's answers do not change while a batch is learnt: they are kept, however many prefixes of
the student's tokens answer, and whatever is computed once more in the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from multiprot.objectives.distillation.configs import StructureConfig, StructurePart
from multiprot.objectives.distillation.kl import divergence
from multiprot.objectives.distillation.structure_heads import (
    Weights,
    dihedral_vectors,
    fold_logits,
    pair_map,
    separated,
)
from multiprot.objectives.distillation.tokens import protein_means

Apart = Callable[[Tensor, Tensor], Tensor]
"""How far, [answer], a student's answers [answer, ...] are from a teacher's."""


class Reading(Protocol):
    """One part of what a teacher reads of a batch."""

    def losses(self, mine: Weights, tokens: Tensor) -> Tensor:
        """Means over a protein's answers, float32 [protein], of a student's heads and tokens."""

    def losses_of_zeros(self) -> Tensor:
        """The same if all answers are zeros."""


def reading_of(
    part: StructurePart, config: StructureConfig, theirs: Weights, given: Tensor, known: Tensor
) -> Reading:
    """What a teacher's head says.

    Parameters
    ----------
    part
        Which head.
    config
        Temperature and pairs.
    theirs
        The teacher's heads.
    given
        float32 [protein, residue, token width]: its tokens, finite.
    known
        bool [protein, residue]: they count.
    """
    heat = config.temperature

    def of_classes(truth: Tensor, guess: Tensor) -> Tensor:
        return divergence(truth / heat, guess / heat) * heat**2

    if part == "fold-state":
        return OfResidues(fold_logits, of_classes, theirs, given, known)
    if part == "dihedral":
        return OfResidues(dihedral_vectors, of_angles, theirs, given, known)
    return OfPairs(config, of_classes, theirs, given, known)


class OfResidues:
    """Answers about single residues.

    Parameters
    ----------
    read
        From heads and tokens [residue, width] to answers [residue, ...].
    apart
        How far answers are apart.
    theirs, given, known
        As of `reading_of`.
    """

    def __init__(
        self,
        read: Callable[[Weights, Tensor], Tensor],
        apart: Apart,
        theirs: Weights,
        given: Tensor,
        known: Tensor,
    ) -> None:
        self._read, self._apart, self._known = read, apart, known
        self._truth = read(theirs, given[known])

    def losses(self, mine: Weights, tokens: Tensor) -> Tensor:
        """As `Reading.losses`."""
        return self._means(self._read(mine, tokens[self._known]))

    def losses_of_zeros(self) -> Tensor:
        """As `Reading.losses_of_zeros`."""
        return self._means(torch.zeros_like(self._truth))

    def _means(self, guess: Tensor) -> Tensor:
        apart = self._apart(self._truth, guess)
        spread = torch.zeros_like(self._known, dtype=apart.dtype)
        return protein_means(spread.masked_scatter(self._known, apart), self._known)


class OfPairs:
    """Answers about pairs of residues, one separation after the other.

    Parameters
    ----------
    config
        Which pairs.
    apart, theirs, given, known
        As of `OfResidues`.
    """

    def __init__(
        self,
        config: StructureConfig,
        apart: Apart,
        theirs: Weights,
        given: Tensor,
        known: Tensor,
    ) -> None:
        self._apart, self._nothing = apart, given.new_zeros(len(known))
        self._pairs = separated(known, config.separations, config.every)
        self._truths = [_logits(theirs, given, pairs) for pairs in self._pairs]

    def losses(self, mine: Weights, tokens: Tensor) -> Tensor:
        """As `Reading.losses`. Each separation is computed once more in the backward pass."""
        return self._means(
            [
                checkpoint(self._losses, mine, tokens, pairs, truth, use_reentrant=False)
                for pairs, truth in zip(self._pairs, self._truths, strict=True)
            ]
        )

    def losses_of_zeros(self) -> Tensor:
        """As `Reading.losses_of_zeros`."""
        return self._means([self._apart(each, torch.zeros_like(each)) for each in self._truths])

    def _losses(self, mine: Weights, tokens: Tensor, pairs: Tensor, truth: Tensor) -> Tensor:
        return self._apart(truth, _logits(mine, tokens, pairs))

    def _means(self, losses: list[Tensor]) -> Tensor:
        """[protein] of one tensor [pair] for each separation; 0 for a protein without pairs."""
        protein = torch.cat([pairs[0] for pairs in self._pairs])
        sums = self._nothing.index_add(0, protein, torch.cat(losses))
        return sums / torch.bincount(protein, minlength=len(sums)).clamp(min=1)


def of_angles(truth: Tensor, guess: Tensor) -> Tensor:
    """Means [residue] over the angles of vectors [residue, angle, 2]."""
    return von_mises_divergence(truth, guess).mean(dim=1)


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


def _logits(weights: Weights, tokens: Tensor, pairs: Tensor) -> Tensor:
    """Logits [pair, bin] of tokens [protein, residue, width]; pairs as `separated` has them."""
    protein, left, right = pairs
    return pair_map(weights).logits(tokens[protein, left], tokens[protein, right])
