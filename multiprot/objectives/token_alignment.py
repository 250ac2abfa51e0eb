"""Token alignment: a residue's sequence token and structure token find each other.

With u_r, v_r the unit vectors of residue r's sequence and structure token (one linear head each)
and temperature τ,

  L = ½ · mean over r of [ −log( e^{u_r·v_r/τ} / Σ_{q∈{r}∪N(r)} e^{u_r·v_q/τ} )
                           −log( e^{v_r·u_r/τ} / Σ_{q∈{r}∪N(r)} e^{v_r·u_q/τ} ) ]

the symmetric InfoNCE of CLIP (Radford et al. 2021, arXiv:2103.00020), between residues instead of
images and captions. N(r) are the other compared residues of all processes, without the nearest
neighbours in the chain where `exclude_neighbours` asks for that. Tokens are taken before the
streams see each other; afterwards the task would be trivial.

With one positive per row this is pytorch-metric-learning's `SupConLoss` on explicit pairs, which is
used here (its `NTXentLoss` is the same number at 20 times the memory).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from multiprot.encoders.contract import (
    FusionOutputs,
    Objective,
    ObjectiveContext,
    ObjectiveResult,
    ProteinBatch,
)
from multiprot.encoders.plugin import Modality
from multiprot.objectives.configs import TokenAlignmentConfig
from multiprot.objectives.gather import gather_rows, joint_means, process_rank
from multiprot.objectives.numeric import LearnedScale


@dataclass(frozen=True, slots=True)
class ResiduePairs:
    """Which columns (residues of all processes) are what to each row (residues of this one).

    Attributes
    ----------
    positive
        int64 [row]: column of the same residue.
    negative
        bool [row, column].
    """

    positive: Tensor
    negative: Tensor

    @property
    def usable(self) -> Tensor:
        """bool [row]: has at least one negative."""
        return self.negative.any(dim=1)


@dataclass(frozen=True, slots=True)
class DirectionSums:
    """Sums over the usable rows of one direction: the loss, and how many rows rank first."""

    loss: Tensor
    right: Tensor


class TokenAlignment(Objective):
    """Symmetric contrast between the tokens of the two streams."""

    name: ClassVar[str] = "token-alignment"
    needs: ClassVar[frozenset[Modality | Literal["spans"]]] = frozenset(
        {Modality.SEQUENCE, Modality.STRUCTURE}
    )

    def __init__(self, config: TokenAlignmentConfig, context: ObjectiveContext) -> None:
        super().__init__()
        self.config = config
        self.scale = LearnedScale(config.temperature)
        self.sequence_head = nn.Linear(context.width, config.dim)
        self.structure_head = nn.Linear(context.width, config.dim)

    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        """Loss and top-1 accuracy of both directions."""
        protein, residue = self._residues(outputs)
        sequence = self._vectors(outputs, "sequence", protein, residue)
        structure = self._vectors(outputs, "structure", protein, residue)
        pairs = residue_pairs(protein, residue, self.config.exclude_neighbours)
        towards_structure = self._direction(sequence, gather_rows(structure), pairs)
        towards_sequence = self._direction(structure, gather_rows(sequence), pairs)
        means = joint_means(
            (towards_structure.loss + towards_sequence.loss) / 2,
            pairs.usable.sum(),
            {
                "sequence_to_structure_accuracy": towards_structure.right,
                "structure_to_sequence_accuracy": towards_sequence.right,
            },
        )
        metrics = means.metrics | {"temperature": 1 / self.scale().detach()}
        return ObjectiveResult(means.loss, means.count, metrics)

    def _residues(self, outputs: FusionOutputs) -> tuple[Tensor, Tensor]:
        """Protein and residue numbers, int64 [row], of those that have both tokens."""
        sequence, structure = outputs.sequence_tokens, outputs.structure_tokens
        both = torch.zeros_like(outputs.fused_tokens.mask)
        if sequence is not None and structure is not None:
            both = sequence.mask & structure.mask
        protein, residue = both.nonzero(as_tuple=True)
        return evenly(protein, self.config.max_residues), evenly(residue, self.config.max_residues)

    def _vectors(
        self, outputs: FusionOutputs, stream: str, protein: Tensor, residue: Tensor
    ) -> Tensor:
        """Unit vectors, float32 [row, dim], attached to the graph even if there are none."""
        tokens = outputs.sequence_tokens if stream == "sequence" else outputs.structure_tokens
        head = self.sequence_head if stream == "sequence" else self.structure_head
        chosen = (tokens or outputs.fused_tokens).values[protein, residue]
        return functional.normalize(head(chosen).float(), dim=-1)

    def _direction(self, rows: Tensor, columns: Tensor, pairs: ResiduePairs) -> DirectionSums:
        # A process without rows must still take part in the backward pass of the gather.
        attached = (columns.sum() + rows.sum() + self.scale()) * 0.0
        with torch.autocast(rows.device.type, enabled=False):
            loss = pair_losses(rows, columns, pairs, 1 / self.scale())
            cosines = rows.detach() @ columns.detach().T
        positive = pairs.positive[:, None]
        allowed = pairs.negative.scatter(1, positive, True)
        best = cosines.masked_fill(~allowed, -torch.inf).topk(min(1, len(columns)), dim=1).indices
        right = (best == positive) & pairs.usable[:, None]
        return DirectionSums(loss + attached, right.sum())


def evenly(items: Tensor, at_most: int) -> Tensor:
    """`items` [item], or `at_most` of them, evenly spaced, beginning with the first."""
    if len(items) <= at_most:
        return items
    return items[torch.arange(at_most, device=items.device) * len(items) // at_most]


def residue_pairs(protein: Tensor, residue: Tensor, exclude_neighbours: int) -> ResiduePairs:
    """Pairs between this process's residues and those of all processes.

    Parameters
    ----------
    protein, residue
        int64 [row], numbers within this process's batch.
    exclude_neighbours
        Residues of the same chain up to this far away are no negatives.
    """
    rank = torch.full_like(protein, process_rank())
    own = torch.stack([rank, protein, residue], dim=1)
    everyone = gather_rows(own)
    same_chain = (own[:, None, :2] == everyone[None, :, :2]).all(dim=2)
    apart = (own[:, None, 2] - everyone[None, :, 2]).abs()
    start = int((everyone[:, 0] < process_rank()).sum())
    return ResiduePairs(
        positive=torch.arange(start, start + len(own), device=own.device),
        negative=~(same_chain & (apart <= exclude_neighbours)),
    )


def pair_losses(
    rows: Tensor, columns: Tensor, pairs: ResiduePairs, temperature: Tensor
) -> Tensor | float:
    """Sum over rows of the contrast of each row with its positive and negative columns.

    Parameters
    ----------
    rows, columns
        Unit vectors, float32 [row, dim] and [column, dim].
    pairs
        Which column is what to each row.
    temperature
        Scalar; learned.
    """
    if not bool(pairs.usable.any()):
        return 0.0
    from pytorch_metric_learning.losses import SupConLoss
    from pytorch_metric_learning.reducers import SumReducer

    contrast: Any = SupConLoss(temperature=temperature, reducer=SumReducer())
    numbers = torch.arange(len(rows), device=rows.device)
    indices = (numbers, pairs.positive, *pairs.negative.nonzero(as_tuple=True))
    total: Tensor = contrast(rows, indices_tuple=indices, ref_emb=columns)
    return total
