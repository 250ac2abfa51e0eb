"""Dihedral: hidden backbone angles are guessed from the fused tokens, on the circle.

A head gives a vector v = (a, b) for each angle θ of a hidden residue. With κ = |v| and μ =
atan2(b, a), v · (cos θ, sin θ) = κ cos(θ − μ), and the loss of an angle is

  von-mises   log 2π I₀(κ) − κ cos(θ − μ),    log I₀(κ) = log(e^{−κ} I₀(κ)) + κ
  cosine      1 − cos(θ − μ)
  legacy      (tanh a − θ / π)²

L is its mean over the defined angles of the hidden residues of all processes. The von Mises
density is the normal distribution of the circle (Mardia & Jupp 2000); its concentration κ is
guessed as well, so that an angle which nobody can know costs no more than log 2π. One of the two
objectives of STEPS (Chen et al. 2023, Bioinformatics 39(4) btad189), whose released code has what
is `legacy` here: there 179° and −179° are farthest apart.

15 % of the residues are drawn in `corrupt`, and what the structure encoder is told of them alone is
hidden; where their CA is stays to be seen. Residues whose geometry another objective hides
(`masked-residue` with `hide_structure`) are guessed as well. A protein whose structure is withheld
from the model does not count, unless `from_sequence` says so: then all its residues are hidden
ones.
"""

from __future__ import annotations

import math
from typing import ClassVar, Final, Literal, get_args

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import (
    FusionOutputs,
    Objective,
    ObjectiveContext,
    ObjectiveResult,
    ProteinBatch,
)
from multiprot.encoders.plugin import Modality
from multiprot.fusion.idle import zero_of
from multiprot.objectives.configs import BackboneAngle, DihedralConfig
from multiprot.objectives.gather import joint_means
from multiprot.objectives.masking import choose_items, hide_geometry

HIDDEN: Final = 128
"""Channels between the head's two linear maps, as in STEPS."""
AT_LEAST: Final = 2
WITHIN: Final = 30.0
"""Degrees."""
_ANGLES: Final[tuple[str, ...]] = get_args(BackboneAngle)
_SOFT: Final = 1e-6
"""Added to a squared length, so that a vector of zeros has a gradient."""


class Dihedral(Objective):
    """Hides geometry in `corrupt`, guesses angles in `forward`."""

    name: ClassVar[str] = "dihedral"
    hides_residues: ClassVar[bool] = False
    needs: ClassVar[frozenset[Modality | Literal["spans", "geometry"]]] = frozenset({"geometry"})

    def __init__(self, config: DihedralConfig, context: ObjectiveContext) -> None:
        super().__init__()
        self.config = config
        self.columns = [_ANGLES.index(angle) for angle in config.angles]
        last = nn.Linear(HIDDEN, len(self.columns) * (1 if config.legacy else 2))
        with torch.no_grad():
            last.weight.mul_(0.1)
        self.head = nn.Sequential(nn.Linear(context.width, HIDDEN), nn.ReLU(), last)

    def corrupt(self, batch: ProteinBatch, rng: torch.Generator) -> ProteinBatch:
        """The batch with the geometry of residues hidden from the structure encoder."""
        geometry = batch.geometry
        if geometry is None:
            return batch
        defined = geometry.dihedrals_known[..., self.columns].any(dim=2)
        eligible = (defined & batch.has_structure[:, None]).cpu()
        chosen = choose_items(eligible, self.config.rate, rng, at_least=AT_LEAST)
        return hide_geometry(batch, chosen.to(batch.residues.device), self.name)

    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        """The loss; errors in degrees of each angle and of all."""
        asked = self._asked(outputs, batch)
        rows, values = asked.any(dim=2), outputs.fused_tokens.values
        guesses = self.head(values[rows]).unflatten(1, (len(self.columns), -1))[asked[rows]]
        guesses = guesses.to(torch.promote_types(guesses.dtype, torch.float32))
        geometry = batch.geometry
        truth = guesses.new_zeros(0)
        if geometry is not None:
            truth = geometry.dihedrals[..., self.columns][asked]
        with torch.autocast(guesses.device.type, enabled=False):
            losses = self._losses(guesses, truth)
            apart = degrees_apart(self._angles(guesses.detach()), truth)
        told = {"angle_error": apart.sum(), "within_30": (apart <= WITHIN).sum()}
        which = asked.nonzero()[:, 2]
        for number, angle in enumerate(self.config.angles):
            own = which == number
            told |= {f"{angle}_error": apart[own].sum(), angle: own.sum()}
        attached = values.reshape(-1)[:1].float().sum() * 0.0 + zero_of([self])
        means = joint_means(losses.sum() + attached, asked.sum(), told)
        metrics = dict(means.metrics)
        for angle in self.config.angles:
            share = metrics.pop(angle).clamp(min=1e-9)
            metrics[f"{angle}_error"] = metrics[f"{angle}_error"] / share
        return ObjectiveResult(means.loss, means.count, metrics)

    def _asked(self, outputs: FusionOutputs, batch: ProteinBatch) -> Tensor:
        """bool [protein, residue, angle]: the angle is hidden and known."""
        geometry, hidden = batch.geometry, batch.hidden_geometry
        if hidden is None:
            hidden = torch.zeros_like(batch.residue_mask)
        # Of a structure that is withheld everything is hidden.
        hidden = torch.where(batch.has_structure[:, None], hidden, self.config.from_sequence)
        hidden = (hidden & outputs.fused_tokens.mask)[..., None]
        if geometry is None:
            return torch.zeros_like(hidden).expand(-1, -1, len(self.columns))
        return geometry.dihedrals_known[..., self.columns] & hidden

    def _losses(self, guesses: Tensor, truth: Tensor) -> Tensor:
        """Loss [item] of what the head gives [item, channel] for the angles [item]."""
        if self.config.legacy:
            return (guesses.squeeze(1).tanh() - truth / math.pi).square()
        return (von_mises if self.config.loss == "von-mises" else cosine)(guesses, truth)

    def _angles(self, guesses: Tensor) -> Tensor:
        """Angles [item], radians, that are guessed by what the head gives."""
        if self.config.legacy:
            return guesses.squeeze(1).tanh() * math.pi
        return torch.atan2(guesses[:, 1], guesses[:, 0])


def von_mises(vectors: Tensor, angles: Tensor) -> Tensor:
    """Negative log likelihood [item] under von Mises distributions.

    Parameters
    ----------
    vectors
        [item, 2]: concentration times cosine and sine of the mean. Zero: all angles alike.
    angles
        [item], radians.
    """
    concentration, along = _length_and_part(vectors, angles)
    bessel: Tensor = torch.special.i0e(concentration).log() + concentration
    return math.log(2 * math.pi) + bessel - along


def cosine(vectors: Tensor, angles: Tensor) -> Tensor:
    """1 − cos [item] of the angle between `vectors` [item, 2] and `angles` [item], radians."""
    length, along = _length_and_part(vectors, angles)
    return 1 - along / length


def degrees_apart(angles: Tensor, others: Tensor) -> Tensor:
    """How far apart angles [item] in radians are on the circle: degrees, 0 … 180."""
    turned = torch.remainder(angles - others + math.pi, 2 * math.pi) - math.pi
    return turned.abs().rad2deg()


def _length_and_part(vectors: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
    """Length of each vector, and of its part in the direction of its angle."""
    along = vectors[:, 0] * angles.cos() + vectors[:, 1] * angles.sin()
    return (vectors.square().sum(dim=1) + _SOFT).sqrt(), along
