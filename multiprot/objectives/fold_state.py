"""Fold state: each residue's 3Di state is guessed from its fused token.

With s_r the state of residue r, one of twenty, and h_r its fused token,

  L = mean over residues r of −log softmax(W h_r + b)[s_r]

The mean is over all residues with a state of all processes, as in the other objectives of residues:
they grow with the length as the protein does. 3Di (van Kempen et al. 2024, Nat. Biotechnol. 42:243)
says how a residue lies beside the residue nearest to it in space; Foldseek compares structures by
it. ProstT5 (Heinzinger et al. 2024, NAR Genom. Bioinform. 6(4) lqae150) learns to tell it from
sequence, and so does whoever learns this. The head is linear, so that what is learnt lies in the
tokens, which are kept, and not in the head.

By default only proteins count whose structure the model does not see, for of those that it sees the
states can be read off: they are angles and distances between neighbours. States are of the whole
protein, whatever part of it is in the batch.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from multiprot.encoders.contract import (
    NO_FOLD_STATE,
    FusionOutputs,
    Objective,
    ObjectiveContext,
    ObjectiveResult,
    ProteinBatch,
)
from multiprot.encoders.plugin import Modality
from multiprot.fusion.idle import zero_of
from multiprot.objectives.configs import FoldStateConfig
from multiprot.objectives.gather import joint_means
from multiprot.proteins import FOLD_STATE_LETTERS

STATES: Final = len(FOLD_STATE_LETTERS)


class FoldState(Objective):
    """Guesses 3Di states; hides nothing."""

    name: ClassVar[str] = "fold-state"
    hides_residues: ClassVar[bool] = False
    needs: ClassVar[frozenset[Modality | Literal["fold-states"]]] = frozenset({"fold-states"})

    def __init__(self, config: FoldStateConfig, context: ObjectiveContext) -> None:
        super().__init__()
        self.config = config
        self.head = nn.Linear(context.width, STATES)
        with torch.no_grad():
            self.head.weight.mul_(0.1)

    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        """Cross-entropy; metrics beside the best that one guess for all residues could do.

        The baselines know the frequencies of the states in this very batch, of all processes, which
        no model can: in a batch of few residues they are the better for it.
        """
        asked, values = self._asked(outputs, batch), outputs.fused_tokens.values
        truth = batch.residues.new_zeros(0)
        if batch.fold_states is not None:
            truth = batch.fold_states[asked]
        logits = self.head(values[asked])
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        with torch.autocast(values.device.type, enabled=False):
            loss = functional.cross_entropy(logits, truth, reduction="sum")
        counts = torch.bincount(truth, minlength=STATES)
        told = {"accuracy": (logits.argmax(dim=1) == truth).sum()}
        told |= dict(zip(FOLD_STATE_LETTERS, counts.unbind(), strict=True))
        attached = values.reshape(-1)[:1].float().sum() * 0.0 + zero_of([self])
        means = joint_means(loss + attached, asked.sum(), told)
        frequencies = torch.stack([means.metrics[letter] for letter in FOLD_STATE_LETTERS])
        metrics = {
            "accuracy": means.metrics["accuracy"],
            "baseline_accuracy": frequencies.max(),
            "baseline_loss": torch.special.entr(frequencies).sum(),
        }
        return ObjectiveResult(means.loss, means.count, metrics)

    def _asked(self, outputs: FusionOutputs, batch: ProteinBatch) -> Tensor:
        """bool [protein, residue]: the residue has a state, a token, and a protein that counts."""
        states, seen = batch.fold_states, batch.has_structure
        if states is None:
            return torch.zeros_like(batch.residue_mask)
        counts = torch.where(seen, self.config.seen_structures, self.config.from_sequence)
        return (states != NO_FOLD_STATE) & outputs.fused_tokens.mask & counts[:, None]
