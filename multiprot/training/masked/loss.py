"""Cross-entropy of hidden residues."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from multiprot.encoders.contract import ObjectiveResult
from multiprot.objectives import TotalResult
from multiprot.objectives.gather import joint_means
from multiprot.student.model import Student, packed_tokens
from multiprot.training.masked.batches import MaskedBatch

NAME = "masked-residue"


class HiddenTokens(nn.Module):
    """A student's trunk as the training loop calls it: from a batch to the tokens to guess from."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.trunk = student.trunk

    def forward(self, batch: MaskedBatch) -> Tensor:
        """Tokens [hidden residue, width]."""
        return packed_tokens(self.trunk, batch.letters, batch.lengths)[batch.hidden]


class MaskedLoss(nn.Module):
    """Mean over the hidden residues of all processes, beside what frequencies alone reach.

    Parameters
    ----------
    student
        Whose head guesses.
    frequencies
        float32 [amino acid]: shares in the train split.
    """

    log_frequencies: Tensor

    def __init__(self, student: Student, frequencies: Tensor) -> None:
        super().__init__()
        self.weights = {NAME: 1.0}
        self.head = student.head
        self.register_buffer("log_frequencies", frequencies.log(), persistent=False)

    def forward(self, tokens: Tensor, batch: MaskedBatch) -> TotalResult:
        """The loss and the accuracy, each with its baseline."""
        logits = self.head(tokens).float()
        targets = batch.targets
        loss = functional.cross_entropy(logits, targets, reduction="sum")
        naive = -self.log_frequencies[targets].sum()
        most_frequent = self.log_frequencies.argmax()
        counts = {
            "accuracy": (logits.argmax(dim=1) == targets).sum(),
            "baseline_accuracy": (targets == most_frequent).sum(),
            "baseline_loss": naive,
        }
        means = joint_means(loss, torch.tensor(len(targets), device=loss.device), counts)
        result = ObjectiveResult(means.loss, means.count, means.metrics)
        return TotalResult(means.loss, {NAME: result})
