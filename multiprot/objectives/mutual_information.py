"""Mutual information: a critic tells a protein's own structure from those of other proteins.

With s_i the mean of protein i's sequence tokens and g_i that of its structure tokens, before the
streams see each other, unit vectors u_i = U(s_i), v_i = V(g_i) of two towers, temperature τ and
T(s_i, g_j) = u_i·v_j / τ,

  L = mean over i of softplus(−T(s_i, g_i)) + mean over i and j ≠ i of softplus(T(s_i, g_j))

−L is the Jensen-Shannon estimate of mutual information (Hjelm et al. 2019, arXiv:1808.06670, eq. 4)
between sequence and structure of whole proteins, as in STEPS (Chen et al. 2023, Bioinformatics
39(4):btad189). log 2 − L/2, in nats, estimates from below the divergence between pairs that belong
together and other pairs (Nowozin et al. 2016, arXiv:1606.00709); more than log 2 it cannot be.

Negatives are the other proteins of all processes, and those of a queue of past structure vectors:
only its g_j are old, the tower is as it is now. A protein of this step is not taken from the queue,
and no protein is its own negative, also where it is in a batch twice. The queue fills in training
only and is part of the state: a resumed run goes on as if it had not been interrupted, but a step's
loss depends on the steps before.

With `legacy` it is as released: towers end in a ReLU and are not normalised, so that T ≥ 0 and the
second mean is at least log 2. A protein is compared with the one before it alone, whose vectors are
old and without gradient; that protein's own pair counts in the first mean, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

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
from multiprot.fusion.pooling import masked_mean
from multiprot.objectives.configs import MutualInformationConfig
from multiprot.objectives.critic import CriticScores, Tower, critic_means
from multiprot.objectives.gather import gather_rows, process_rank
from multiprot.objectives.numeric import LearnedScale
from multiprot.objectives.protein_queue import ProteinQueue, protein_keys


@dataclass(frozen=True, slots=True)
class WholeProteins:
    """Proteins that have both modalities.

    Attributes
    ----------
    sequence, structure
        Mean tokens, float32 [protein, width].
    keys
        int64 [protein], as of `protein_keys`.
    """

    sequence: Tensor
    structure: Tensor
    keys: Tensor

    def __len__(self) -> int:
        return len(self.keys)


class MutualInformation(Objective):
    """Jensen-Shannon critic between sequence and structure of whole proteins."""

    name: ClassVar[str] = "mutual-information"
    needs: ClassVar[frozenset[Modality | Literal["spans"]]] = frozenset(
        {Modality.SEQUENCE, Modality.STRUCTURE}
    )

    def __init__(self, config: MutualInformationConfig, context: ObjectiveContext) -> None:
        super().__init__()
        legacy, width = config.legacy, context.width
        self.scale = None if legacy else LearnedScale(config.temperature)
        self.sequence_tower = Tower(width, rectified=legacy)
        self.structure_tower = Tower(width, rectified=legacy)
        # Of the protein before, the released way compares both vectors.
        self.queue = ProteinQueue(1, 2 * width) if legacy else ProteinQueue(config.queue, width)

    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        """Loss, share of negatives below the true pair, bound; in training, fills the queue."""
        own = whole_proteins(outputs, batch)
        everyone, start = of_all_processes(own)
        if self.scale is None:
            scores, latest = self._as_released(own, everyone, start)
        else:
            scores, latest = self._against_all(own, everyone, start, self.scale())
        if self.training:
            self.queue.push(latest, everyone.keys)
        means = critic_means(scores)
        # Of log 2 − L/2 nothing is known where there is no negative.
        bound = torch.where(means.negatives > 0, math.log(2) - means.loss.detach() / 2, 0.0)
        metrics = {"accuracy": means.accuracy, "jensen_shannon_bound": bound}
        if self.scale is not None:
            metrics["temperature"] = 1 / self.scale().detach()
        return ObjectiveResult(means.loss, means.positives, metrics)

    def _against_all(
        self, own: WholeProteins, everyone: WholeProteins, start: int, scale: Tensor
    ) -> tuple[CriticScores, Tensor]:
        """Scores against all processes' proteins and the queue; what the queue is to keep."""
        known = torch.cat([_all(everyone.keys), self.queue.absent(everyone.keys)])
        columns = torch.cat([everyone.structure, self.queue.vectors])
        keys = torch.cat([everyone.keys, self.queue.keys])
        rows, columns = self.sequence_tower(own.sequence), self.structure_tower(columns)
        with torch.autocast(rows.device.type, enabled=False):
            scores = scale * (rows @ columns.T)
        numbers = torch.arange(start, start + len(own), device=keys.device)[:, None]
        positive = scores.gather(1, numbers)
        return CriticScores(
            positive=positive,
            is_positive=_all(positive),
            negative=scores,
            is_negative=(own.keys[:, None] != keys) & known,
        ), everyone.structure

    def _as_released(
        self, own: WholeProteins, everyone: WholeProteins, start: int
    ) -> tuple[CriticScores, Tensor]:
        """Scores against the protein before; what is to be kept of the last one."""
        both = torch.cat([everyone.sequence, everyone.structure], dim=1).detach()
        # Behind the queue's one protein, row r is the protein before row r.
        place = slice(start, start + len(own))
        before = torch.cat([self.queue.vectors, both])[place]
        keys = torch.cat([self.queue.keys, everyone.keys])[place]
        known = torch.cat([self.queue.absent(everyone.keys), _all(everyone.keys)])
        usable = known[place] & (keys != own.keys)
        old_sequence, old_structure = before.chunk(2, dim=1)
        u, v = self.sequence_tower(own.sequence), self.structure_tower(own.structure)
        old_u, old_v = self.sequence_tower(old_sequence), self.structure_tower(old_structure)
        return CriticScores(
            positive=torch.stack([(u * v).sum(dim=1), (old_u * old_v).sum(dim=1)], dim=1),
            is_positive=torch.stack([_all(usable), usable], dim=1),
            negative=torch.stack([(u * old_v).sum(dim=1), (old_u * v).sum(dim=1)], dim=1),
            is_negative=usable[:, None].expand(-1, 2),
        ), both


def whole_proteins(outputs: FusionOutputs, batch: ProteinBatch) -> WholeProteins:
    """The proteins of this process that have a token of either modality; may be none."""
    sequence = outputs.sequence_tokens or outputs.fused_tokens
    structure = outputs.structure_tokens or outputs.fused_tokens
    both = sequence.mask.any(dim=1) & structure.mask.any(dim=1)
    if outputs.sequence_tokens is None or outputs.structure_tokens is None:
        both = torch.zeros_like(both)
    return WholeProteins(
        sequence=masked_mean(sequence)[both],
        structure=masked_mean(structure)[both],
        keys=protein_keys(batch.ids).to(both.device)[both],
    )


def of_all_processes(own: WholeProteins) -> tuple[WholeProteins, int]:
    """The proteins of all processes in rank order, and the place of this one's first.

    Gradients pass through the structures; the sequences have none.
    """
    rank = torch.full_like(own.keys, process_rank())
    numbers = gather_rows(torch.stack([rank, own.keys], dim=1))
    everyone = WholeProteins(
        sequence=gather_rows(own.sequence.detach()),
        structure=gather_rows(own.structure),
        keys=numbers[:, 1],
    )
    return everyone, int((numbers[:, 0] < process_rank()).sum())


def _all(items: Tensor) -> Tensor:
    """True for each of `items`."""
    return torch.ones_like(items, dtype=torch.bool)
