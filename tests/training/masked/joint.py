"""What one process and two processes compute from the same packed pieces; run in the children."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from multiprot.objectives.configs import MaskedResidueConfig
from multiprot.student.config import StudentConfig
from multiprot.student.model import Student
from multiprot.training.masked.batches import MaskedBatch, hide_residues
from multiprot.training.masked.loss import NAME, HiddenTokens, MaskedLoss
from tests.distributed.processes import PROCESSES, run_scenarios

SCENARIOS = {
    "alike": ((20, 7), (15, 12)),
    "unequal": ((3,), (40, 9, 1)),
    # The second holds unusual letters alone, of which none is hidden.
    "nothing hidden": ((30,), ()),
}


class Step(nn.Module):
    """Trunk and loss as the trainer wraps them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        frequencies = torch.arange(1.0, 21.0) / 210
        student = Student(StudentConfig(width=64, layers=1), frequencies)
        self.tokens, self.loss = HiddenTokens(student), MaskedLoss(student, frequencies)

    def forward(self, batch: MaskedBatch) -> Tensor:
        result = self.loss(self.tokens(batch), batch)
        self.metrics = {"count": result.results[NAME].weight, **result.results[NAME].metrics}
        return result.loss


def own_batch(scenario: str, process: int) -> MaskedBatch:
    """What one process holds."""
    lengths = SCENARIOS[scenario][process]
    rng = torch.Generator().manual_seed(10 + process)
    residues = torch.randint(0, 24, (sum(lengths),), generator=rng)
    if not lengths:
        residues, lengths = torch.full((11,), 22), (11,)
    config = MaskedResidueConfig(rate=0.3)
    return hide_residues(residues, torch.tensor(lengths), config, rng)


def joint_batch(scenario: str) -> MaskedBatch:
    """The pieces of both processes in one row."""
    one, other = (own_batch(scenario, process) for process in range(PROCESSES))
    return MaskedBatch(
        (),
        torch.cat([one.letters, other.letters]),
        torch.cat([one.lengths, other.lengths]),
        torch.cat([one.hidden, other.hidden + len(one.letters)]),
        torch.cat([one.targets, other.targets]),
    )


def run_process(rank: int, folder: str) -> None:
    """Child: every scenario under DistributedDataParallel, results into `folder`."""
    run_scenarios(rank, folder, {name: name for name in SCENARIOS}, Step, own_batch)
