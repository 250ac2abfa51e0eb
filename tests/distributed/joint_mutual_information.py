"""The same for mutual information with a queue that is not empty, and as STEPS released it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import ProteinBatch
from multiprot.objectives import TotalObjective
from multiprot.objectives.configs import MutualInformationConfig
from multiprot.objectives.mutual_information import MutualInformation
from multiprot.objectives.protein_queue import protein_keys
from tests.distributed import joint
from tests.distributed.joint import own_batch
from tests.distributed.processes import run_scenarios
from tests.fusion.fakes import make_context, make_model

__all__ = ["SCENARIOS", "Step", "joint_batch", "own_batch", "run_process"]

SCENARIOS = tuple(
    replace(each, name=f"mutual information, {each.name}") for each in joint.SCENARIOS
)
PAST = ("q1", "p1", "q2", "q3", "q4", "q5")
"""Proteins of past steps, as many as the queue holds; one of them is in the batch, too."""


class Step(nn.Module):
    """Model and objectives as the trainer wraps them, the queue as past steps left it."""

    def __init__(self) -> None:
        super().__init__()
        self.model = make_model(seed=7).train()
        torch.manual_seed(11)
        configs = {
            "queue": MutualInformationConfig(queue=len(PAST)),
            "released": MutualInformationConfig(legacy=True),
        }
        built = {name: MutualInformation(c, make_context()) for name, c in configs.items()}
        self.total = TotalObjective(built, {"queue": 1.0, "released": 2.0})

    def forward(self, batch: ProteinBatch) -> Tensor:
        members = self.total.members()
        queues = [each.queue for each in members if isinstance(each, MutualInformation)]
        for queue in queues:
            rng = torch.Generator().manual_seed(1)
            past = torch.randn(len(PAST), queue.vectors.shape[1], generator=rng)
            queue.push(past, protein_keys(PAST))
        result = self.total(self.model(batch), batch)
        self.metrics = dict(result.metrics)
        for number, queue in enumerate(queues):
            self.metrics[f"queue {number}"] = queue.vectors.clone()
            self.metrics[f"keys {number}"] = queue.keys.clone()
        loss: Tensor = result.loss
        return loss


def joint_batch(scenario: joint.Scenario) -> ProteinBatch:
    """The corrupted proteins of all processes; what a process lacks is masked, not left out."""
    return joint.joint_batch(scenario)


def run_process(rank: int, folder: str) -> None:
    """Child: every scenario under DistributedDataParallel, results into `folder`."""
    run_scenarios(rank, folder, {each.name: each for each in SCENARIOS}, Step, own_batch)
