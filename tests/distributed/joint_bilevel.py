"""The same for an outer loss after inner steps whose gradients the processes share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from multiprot.errors import TrainingError
from multiprot.objectives.gather import gather_rows, global_mean
from multiprot.training.bilevel import bilevel_loss, trainable_names
from multiprot.training.settings import BilevelConfig
from tests.distributed.processes import run_scenarios

PROTEINS = 5
WIDTH = 8


@dataclass(frozen=True, slots=True)
class Scenario:
    """Which proteins each process holds, what each of them lacks, and the inner steps."""

    name: str
    rows: tuple[list[int], list[int]]
    options: BilevelConfig
    inner: str = "contrast"
    without_structure: frozenset[int] = frozenset()
    without_answers: frozenset[int] = frozenset()


def _options(steps: int, order: str) -> BilevelConfig:
    return BilevelConfig.model_validate({"steps": steps, "learning_rate": 0.5, "order": order})


SPLIT = ([0, 1, 2], [3, 4])
SCENARIOS = (
    Scenario("bilevel, one step", SPLIT, _options(1, "second")),
    Scenario("bilevel, three steps", SPLIT, _options(3, "second")),
    Scenario("bilevel, first order", SPLIT, _options(2, "first")),
    Scenario("bilevel, regression", SPLIT, _options(2, "second"), inner="regression"),
    Scenario(
        "bilevel, one without inner loss",
        SPLIT,
        _options(2, "second"),
        without_structure=frozenset({0}),
    ),
    Scenario(
        "bilevel, one whose inner loss reaches nothing",
        SPLIT,
        _options(2, "second"),
        inner="regression",
        without_structure=frozenset({1}),
    ),
    Scenario(
        "bilevel, nothing in common",
        ([0], [1, 2, 3, 4]),
        _options(2, "second"),
        inner="regression",
        without_structure=frozenset({0}),
        without_answers=frozenset({1}),
    ),
    Scenario(
        "bilevel, first order, nothing in common",
        SPLIT,
        _options(2, "first"),
        inner="regression",
        without_structure=frozenset({1}),
        without_answers=frozenset({0}),
    ),
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Made-up proteins: [protein, residue, channel], [protein, channel], [protein] and masks."""

    residues: Tensor
    structures: Tensor
    answers: Tensor
    has_structure: Tensor
    has_answer: Tensor
    scenario: Scenario


class Step(nn.Module):
    """A language model of one layer (θ), the rest (w), inner steps and the outer loss."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        layer = nn.TransformerEncoderLayer(WIDTH, 2, 12, dropout=0.0, batch_first=True)
        self.sequence = nn.Sequential(layer, nn.Linear(WIDTH, WIDTH))
        self.structure = nn.Sequential(nn.Linear(3, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH))
        self.critic = nn.Linear(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, batch: Batch) -> Tensor:
        found = bilevel_loss(
            self,
            trainable_names(self, "sequence"),
            lambda: getattr(self, batch.scenario.inner)(batch),
            lambda: self.outer(batch),
            batch.scenario.options,
        )
        self.metrics = {"inner": found.inner_losses, **found.adapted}
        return found.loss

    def contrast(self, batch: Batch) -> Tensor:
        """A protein's structure against those of all others, in every process."""
        vectors = self.critic(self._pooled(batch.residues))[batch.has_structure]
        structures = self.structure(batch.structures)[batch.has_structure]
        own = (vectors * structures).sum(dim=1)
        others = (vectors @ gather_rows(structures).T).logsumexp(dim=1)
        # Back from other processes to this one's sequences, too.
        crowd = (structures @ gather_rows(vectors).T).logsumexp(dim=1)
        return global_mean((others + crowd - 2 * own).sum(), batch.has_structure.sum())

    def regression(self, batch: Batch) -> Tensor:
        """Structures from sequences; a constant where there is none."""
        vectors = self.critic(self._pooled(batch.residues))[batch.has_structure]
        gaps = vectors - self.structure(batch.structures)[batch.has_structure]
        loss = global_mean(gaps.cosh().log().sum(), batch.has_structure.sum())
        return loss if batch.has_structure.any() else loss.detach()

    def outer(self, batch: Batch) -> Tensor:
        """Answers; not attached to anything where there is none."""
        fused = self._pooled(batch.residues) * self.structure(batch.structures)
        gaps = (self.head(fused)[:, 0] - batch.answers)[batch.has_answer]
        loss = global_mean(functional.softplus(gaps).sum(), batch.has_answer.sum())
        return loss if batch.has_answer.any() else loss.detach()

    def _pooled(self, residues: Tensor) -> Tensor:
        pooled: Tensor = self.sequence(residues).mean(dim=1)
        return pooled


def joint_batch(scenario: Scenario) -> Batch:
    """The proteins of all processes; what a process lacks is masked."""
    generator = torch.Generator().manual_seed(3)
    has_structure, has_answer = torch.ones(2, PROTEINS, dtype=torch.bool)
    for process, rows in enumerate(scenario.rows):
        has_structure[rows] = process not in scenario.without_structure
        has_answer[rows] = process not in scenario.without_answers
    return Batch(
        torch.randn(PROTEINS, 6, WIDTH, generator=generator),
        torch.randn(PROTEINS, 3, generator=generator),
        torch.randn(PROTEINS, generator=generator),
        has_structure,
        has_answer,
        scenario,
    )


def own_batch(scenario: Scenario, process: int) -> Batch:
    """What one process holds."""
    whole, rows = joint_batch(scenario), scenario.rows[process]
    return Batch(
        whole.residues[rows],
        whole.structures[rows],
        whole.answers[rows],
        whole.has_structure[rows],
        whole.has_answer[rows],
        scenario,
    )


def run_process(rank: int, folder: str) -> None:
    """Child: every scenario under DistributedDataParallel, results into `folder`."""
    scenarios = {each.name: each for each in SCENARIOS}
    # Each parameter has its own exchange.
    run_scenarios(rank, folder, scenarios, Step, own_batch, bucket_cap_mb=1e-6)


def run_refused(rank: int, folder: str) -> None:
    """Child: what it says where no process has anything for the inner loss."""
    nowhere = replace(SCENARIOS[3], without_structure=frozenset({0, 1}))

    class Refused(Step):
        def forward(self, batch: Batch) -> Tensor:
            with pytest.raises(TrainingError) as caught:
                super().forward(batch)
            torch.save(str(caught.value), Path(folder) / f"refused{rank}.pt")
            self.metrics = {}
            return torch.stack([each.sum() for each in self.parameters()]).sum()

    run_scenarios(rank, folder, {nowhere.name: nowhere}, Refused, own_batch)
