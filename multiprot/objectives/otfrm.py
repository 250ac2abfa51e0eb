"""A differentiable OTFRM: tight in the batch, far from reference proteins.

With C = (1 − cosine)^p and S_ε the Sinkhorn divergence of `multiprot.optimal_transport.sinkhorn`,

  intra = mean over all pairs of the batch of C,   inter = S_ε(reference, batch)
  OTFRM = (1 − intra) / (1 − inter)   if 0.0005 < inter < 1,   else inter / intra
  L     = 1 / OTFRM

as in Guided-PLI, the follow-up by the authors of MASSA (Hu et al. 2023, Adv. Sci. 10:2301223), who
add it with weight 0.1 to a task's loss of weight 0.9, p = 2 and ε = 0.1. What L is divided by is
kept above 0.0005, where the follow-up's loss grows without bound or changes its sign.

The batch is that of all processes. The reference vectors are read once, from a file, and travel
with the objective's state: a saved model needs the file no more.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final, Literal

import torch
from torch import Tensor

from multiprot.encoders.contract import (
    FusionOutputs,
    Objective,
    ObjectiveContext,
    ObjectiveResult,
    ProteinBatch,
)
from multiprot.encoders.plugin import Modality
from multiprot.errors import DataError
from multiprot.objectives.configs import OtfrmConfig
from multiprot.objectives.gather import gather_rows
from multiprot.objectives.reference_vectors import read_reference
from multiprot.optimal_transport.sinkhorn import SinkhornOptions, sinkhorn_divergence
from multiprot.optimal_transport.soft_costs import cosine_cost

LEAST: Final = 0.0005
"""Below it `inter` counts as none, and no divisor goes."""


class Otfrm(Objective):
    """One over OTFRM of the batch against the reference."""

    name: ClassVar[str] = "otfrm"
    needs: ClassVar[frozenset[Modality | Literal["spans"]]] = frozenset({Modality.SEQUENCE})
    reference: Tensor

    def __init__(self, config: OtfrmConfig, context: ObjectiveContext) -> None:
        super().__init__()
        self.config = config
        width = context.width if config.space == "protein" else context.shared_dim
        reference = torch.full((config.reference_size, width), torch.nan)
        # A saved model is built where the file may be gone; its state then brings the vectors.
        if Path(config.reference).exists():
            found = read_reference(Path(config.reference), config.reference_size, width)
            reference = torch.from_numpy(found)
        self.register_buffer("reference", reference)

    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        """1 / OTFRM of all processes' proteins whose sequence is in the batch, as one item each."""
        vectors = outputs.protein if self.config.space == "protein" else outputs.projected
        everyone = gather_rows(vectors[batch.has_sequence].float())
        weight = torch.tensor(float(len(everyone)), device=vectors.device)
        if not len(everyone):
            nothing = vectors.sum().float() * 0.0
            zero = weight.clone()
            return ObjectiveResult(nothing, weight, dict.fromkeys(("intra", "inter"), zero))
        # Mixed precision would round cosines near 1 to 1.
        with torch.autocast(vectors.device.type, enabled=False):
            intra, inter = self.distances(everyone)
            loss = inverse_otfrm(intra, inter)
        metrics = {"intra": intra.detach(), "inter": inter.detach()}
        return ObjectiveResult(loss, weight, metrics)

    def distances(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Intra and inter of vectors, float32 [protein, channel].

        Raises
        ------
        DataError
            If there were no reference vectors to read.
        """
        if bool(self.reference[0, 0].isnan()):
            raise DataError(
                f"otfrm: {self.config.reference} does not exist; set the objective's option "
                "reference to an embedding store or an .npy file of this model's vectors"
            )
        power, epsilon = self.config.power, self.config.epsilon
        how = SinkhornOptions(epsilon=epsilon, power=power, iterations=200, strict=False)
        intra = cosine_cost(vectors, vectors, power).mean()
        return intra, sinkhorn_divergence(self.reference, vectors, how)


def inverse_otfrm(intra: Tensor, inter: Tensor) -> Tensor:
    """1 / OTFRM, by the branch in which `inter` lies."""
    if LEAST < float(inter.detach()) < 1:
        return (1.0 - inter) / (1.0 - intra).clamp(min=LEAST)
    return intra / inter.clamp(min=LEAST)
