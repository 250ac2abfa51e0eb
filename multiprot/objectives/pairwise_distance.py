"""Pairwise distance: how far apart two residues are, from the difference of their fused tokens.

With d_ij the distance of two CA in Å, w the bins' width, B their number, and h the fused tokens,

  z_ij = W2 relu(W1 (h_i − h_j)² + b1) + b2,    y_ij = min(⌊d_ij / w⌋, B − 1)
  L = mean over proteins of the mean over their pairs i < j of −log softmax(z_ij)[y_ij]

One of the two objectives of STEPS (Chen et al. 2023, Bioinformatics 39(4) btad189). A protein
counts as one whatever its length, for pairs grow with its square; the mean is over the proteins of
all processes. Left out are pairs of which a CA is unknown, and pairs nearer than `given_away`
where the model sees the structure: the graph's edges tell it these distances. Where the structure
is withheld from it nothing is given away, and the protein counts all the same (`from_sequence`):
what is learnt there is structure from sequence. No residue is paired with itself.

With a number of `pairs`, as many different ones of each protein are drawn by its own seed
(`GeometryTargets.draws`), anew at each step, whatever else is in the batch; those that then turn
out to be given away are not replaced. With `legacy` the pairs are those of the released code: all
L² of them, the diagonal included, near or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from multiprot.encoders.contract import (
    FusionOutputs,
    Objective,
    ObjectiveContext,
    ObjectiveResult,
    ProteinBatch,
)
from multiprot.encoders.plugin import Modality
from multiprot.fusion.idle import zero_of
from multiprot.objectives.configs import PairwiseDistanceConfig
from multiprot.objectives.gather import joint_means
from multiprot.objectives.pair_head import PairHead, PairMap

LEFT_OUT: Final = -100
"""In place of a bin: the pair does not count. What `cross_entropy` passes over by itself."""


@dataclass(frozen=True, slots=True)
class PairSums:
    """Sums over pairs of residues.

    Attributes
    ----------
    loss
        Scalar: cross-entropies.
    told
        [2 + bin], without gradient: pairs whose bin is guessed; bins between guess and truth; pairs
        that lie in each bin.
    """

    loss: Tensor
    told: Tensor

    def plus(self, other: PairSums, times: Tensor | float = 1.0) -> PairSums:
        """These and `times` the others."""
        return PairSums(self.loss + times * other.loss, self.told + times * other.told)

    @property
    def pairs(self) -> Tensor:
        """Scalar: how many pairs."""
        return self.told[2:].sum()


@dataclass(frozen=True, slots=True)
class Residues:
    """Residues of one protein whose CA is known.

    Attributes
    ----------
    tokens
        [residue, width], float32 or float64.
    places
        [residue, xyz], CA in Å.
    nearest
        Å: nearer pairs do not count.
    draw
        Seed of the pairs that are drawn.
    """

    tokens: Tensor
    places: Tensor
    nearest: float
    draw: int


class PairwiseDistance(Objective):
    """Guesses the bin of each distance."""

    name: ClassVar[str] = "pairwise-distance"
    needs: ClassVar[frozenset[Modality | Literal["spans", "geometry"]]] = frozenset({"geometry"})

    def __init__(self, config: PairwiseDistanceConfig, context: ObjectiveContext) -> None:
        super().__init__()
        self.config = config
        self.head = PairHead(context.width, config.bins)

    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        """Cross-entropy; metrics beside those of guessing by the batch's frequencies of bins."""
        values = outputs.fused_tokens.values
        loss = values.reshape(-1)[:1].float().sum() * 0.0 + zero_of([self])
        # A protein's means, and one more: whether it has any.
        joint = torch.zeros(self.config.bins + 3, device=values.device)
        with torch.autocast(values.device.type, enabled=False):
            for residues in self._proteins(outputs, batch):
                sums = self.sums(residues)
                share = 1 / sums.pairs.clamp(min=1)
                loss = loss + sums.loss * share
                joint = joint + torch.cat([sums.told * share, (sums.pairs > 0)[None]])
        right, off, *bins, count = joint.unbind()
        shares = {str(number): share for number, share in enumerate(bins)}
        means = joint_means(loss, count, {"accuracy": right, "mean_bin_error": off, **shares})
        frequencies = torch.stack([means.metrics.pop(number) for number in shares])
        baseline = {
            "baseline_accuracy": frequencies.max(),
            "baseline_loss": torch.special.entr(frequencies).sum(),
        }
        return ObjectiveResult(means.loss, means.count, means.metrics | baseline)

    def sums(self, residues: Residues) -> PairSums:
        """Sums over the pairs of one protein that count."""
        # Differences stay as they are; rounding becomes that of what residues do not share.
        tokens = residues.tokens - residues.tokens.detach().mean(dim=0)
        residues = replace(residues, tokens=tokens)
        drawn = drawn_pairs(len(tokens), self._wanted, residues.draw)
        maps: PairMap = self.head()
        blocks = (
            self._blocks_of_all(maps, residues)
            if drawn is None
            else self._blocks_of(drawn.to(tokens.device), maps, residues)
        )
        sums = PairSums(tokens.new_zeros(()), tokens.new_zeros(2 + self.config.bins))
        for block in blocks:
            sums = sums.plus(block)
        if not self.config.legacy:
            return sums
        # Sums over i < j to sums over all i and j.
        return sums.plus(sums).plus(_with_itself(maps), times=float(len(tokens)))

    @property
    def _wanted(self) -> int | None:
        """Pairs to be drawn of a protein; None: all."""
        pairs = self.config.pairs
        return None if self.config.legacy or pairs == "all" else pairs

    def _proteins(self, outputs: FusionOutputs, batch: ProteinBatch) -> Iterator[Residues]:
        """What is known of each protein that counts."""
        geometry, tokens = batch.geometry, outputs.fused_tokens
        if geometry is None:
            return
        known = geometry.alpha_known & tokens.mask
        values = tokens.values.to(torch.promote_types(tokens.values.dtype, torch.float32))
        given_away = None if self.config.legacy else self.config.given_away
        draws, seen = geometry.draws.tolist(), batch.has_structure.tolist()
        for row, (draw, shown) in enumerate(zip(draws, seen, strict=True)):
            if shown or self.config.from_sequence:
                nearest = (given_away or 0.0) if shown else 0.0
                places = geometry.alpha_carbons[row][known[row]]
                yield Residues(values[row][known[row]], places, nearest, draw)

    def _blocks_of_all(self, maps: PairMap, residues: Residues) -> Iterator[PairSums]:
        """Sums over each residue's pairs with later ones, some residues at a time."""
        length, squares = len(residues.tokens), maps.squares(residues.tokens)
        size = maps.block_rows(length)
        for first in range(0, length - 1, size):
            yield _again(self._of_rows, maps, residues, squares, slice(first, first + size))

    def _of_rows(self, maps: PairMap, residues: Residues, squares: Tensor, rows: slice) -> PairSums:
        """Sums over the pairs of `rows` with later residues."""
        tokens, places, columns = residues.tokens, residues.places, slice(rows.start, None)
        # By a matrix product, as cdist has it else, near pairs lose their digits.
        exact = "donot_use_mm_for_euclid_dist"
        distances = torch.cdist(places[rows], places[columns], compute_mode=exact)
        later = torch.ones_like(distances, dtype=torch.bool).triu(1)
        bins = self._bins(distances, residues.nearest).masked_fill(~later, LEFT_OUT)
        logits = maps.between(tokens[rows], tokens[columns], squares[rows], squares[columns])
        return pair_sums(logits.flatten(0, 1), bins.flatten())

    def _blocks_of(self, pairs: Tensor, maps: PairMap, residues: Residues) -> Iterator[PairSums]:
        """Sums over the pairs, int64 [2, pair], some at a time."""
        size = maps.block_pairs
        for first in range(0, pairs.shape[1], size):
            yield _again(self._of_pairs, maps, residues, pairs[:, first : first + size])

    def _of_pairs(self, maps: PairMap, residues: Residues, pairs: Tensor) -> PairSums:
        tokens, places, (left, right) = residues.tokens, residues.places, pairs
        apart = torch.linalg.vector_norm(places[left] - places[right], dim=1)
        logits = maps.logits(tokens[left], tokens[right])
        return pair_sums(logits, self._bins(apart, residues.nearest))

    def _bins(self, distances: Tensor, nearest: float) -> Tensor:
        """int64, as `distances`: bins; `LEFT_OUT` of what is nearer than `nearest`."""
        # The last bin is open: what lies beyond is put there before it is too large for a number.
        last = self.config.bins - 1
        bins = (distances / self.config.bin_width).clamp(max=last).long()
        return bins.masked_fill(distances < nearest, LEFT_OUT)


def pair_sums(logits: Tensor, bins: Tensor) -> PairSums:
    """Sums over the pairs that count.

    Parameters
    ----------
    logits
        [pair, bin].
    bins
        int64 [pair]; `LEFT_OUT` where a pair does not count.
    """
    loss = functional.cross_entropy(logits, bins, ignore_index=LEFT_OUT, reduction="sum")
    with torch.no_grad():
        counted = bins != LEFT_OUT
        truth = bins[counted]
        off = (logits.argmax(dim=1)[counted] - truth).abs()
        there = torch.bincount(truth, minlength=logits.shape[1])
        told = torch.cat([torch.stack([(off == 0).sum(), off.sum()]), there]).to(loss.dtype)
    return PairSums(loss, told)


def drawn_pairs(residues: int, wanted: int | None, seed: int) -> Tensor | None:
    """Different pairs of residues i < j, int64 [2, pair], each as likely as any other.

    Parameters
    ----------
    residues
        How many there are.
    wanted
        How many pairs; None for all.
    seed
        Decides.

    Returns
    -------
    Tensor or None
        None where all are wanted, or there are no more.
    """
    total = residues * (residues - 1) // 2
    if wanted is None or wanted >= total:
        return None
    numbers = np.random.default_rng(seed).choice(total, wanted, replace=False, shuffle=False)
    # Pair (i, j) has the number i + j (j − 1) / 2. The root of a square is exact in float64.
    later = ((1 + np.sqrt(1 + 8 * numbers)) // 2).astype(np.int64)
    return torch.from_numpy(np.stack([numbers - later * (later - 1) // 2, later]))


def _with_itself(maps: PairMap) -> PairSums:
    """A residue paired with itself, in the first bin."""
    nothing = maps.first_weight.new_zeros(1, maps.first_weight.shape[1])
    return pair_sums(maps.logits(nothing, nothing), torch.zeros_like(nothing[:, 0]).long())


def _again(function: Any, *given: Any) -> PairSums:
    """What `function` gives; it is computed once more in the backward pass, and nothing is kept."""
    found: PairSums = checkpoint(function, *given, use_reentrant=False, preserve_rng_state=False)
    return found
