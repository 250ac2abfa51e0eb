"""The same for the objectives of distillation, with every weighting of two teachers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import (
    ObjectiveContext,
    ProteinBatch,
    Taught,
    TeacherFacts,
    Teachings,
)
from multiprot.encoders.plugin import ObjectivePlugin
from multiprot.objectives import TotalObjective
from multiprot.objectives.distillation import plugins
from multiprot.testing.trial_teachers import trial_teachers
from tests.distributed.processes import run_scenarios
from tests.fusion.fakes import make_batch, make_context, make_model, take

LENGTHS = (9, 5, 12, 7, 10, 6, 8)
OPTIONS: dict[str, dict[str, Any]] = {
    "kl": {"weighting": "sum", "prefixes": (5,)},
    "cosine": {"weighting": "selector"},
    "huber": {"weighting": "uncertainty"},
    "relations": {},
    "neighbours": {"neighbours": 2, "prefixes": (4, 9)},
    "tokens": {"weighting": "selector"},
    "go": {},
    "structure": {"weighting": "uncertainty", "separations": (1, 4)},
}
IDLE = {"go", "project_go", "project_protein"}
"""Parts of the model that make vectors of terms and of the space shared with them."""

PAST = {"step": 3, "weight": 5.0, "mean": 0.8, "squares": 0.2}
"""What past steps left in a policy."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Which rows of the joint batch each process holds, and which have nobody that knows them."""

    name: str
    rows: tuple[list[int], list[int]]
    without_teachers: frozenset[int] = frozenset()


SCENARIOS = (
    Scenario("distillation, unequal", ([0, 1, 2, 3], [4, 5, 6])),
    Scenario("distillation, one protein", ([2], [0, 1, 3, 4, 5, 6])),
    Scenario("distillation, one without", ([0, 1, 2], [3, 4, 5, 6]), frozenset({0})),
    Scenario("distillation, nobody", ([0, 1, 2], [3, 4, 5, 6]), frozenset({0, 1})),
)


class Step(nn.Module):
    """Model and objectives as the trainer wraps them: one forward pass to the total loss."""

    def __init__(self) -> None:
        super().__init__()
        self.model = make_model(seed=7).train()
        torch.manual_seed(11)
        self.total = TotalObjective(
            {name: _built(name) for name in OPTIONS},
            {name: 1.0 + number for number, name in enumerate(OPTIONS)},
        )

    def forward(self, batch: ProteinBatch) -> Tensor:
        for name, part in self.total.named_buffers():
            # As past steps left them, whatever was computed before.
            if name.rsplit(".")[-1] in PAST:
                part.fill_(PAST[name.rsplit(".")[-1]])
        result = self.total(self.model(batch), batch)
        self.metrics = dict(result.metrics)
        # What the policy keeps must stay the same in all processes.
        self.metrics |= {name: part.clone() for name, part in self.total.named_buffers()}
        loss: Tensor = result.loss
        return loss


def _teachers() -> dict[str, TeacherFacts]:
    """Both with tokens and heads for them, so that there is something to select."""
    [heads] = [facts.heads for facts in trial_teachers().values() if facts.heads]
    tokens = {"token_mean": torch.zeros(6), "token_deviation": torch.linspace(0.5, 2, 6)}
    tokens |= {"heads": heads}
    return {name: replace(facts, **tokens) for name, facts in trial_teachers().items()}


def _context() -> ObjectiveContext:
    return replace(make_context(), teachers=_teachers())


def _built(name: str) -> Any:
    plugin: ObjectivePlugin[Any] = getattr(plugins, f"distill_{name}")
    return plugin.build(plugin.config(**OPTIONS[name]), _context())


def _taught(batch: ProteinBatch, lost: list[int]) -> Teachings:
    """Vectors and tokens by two teachers; of `lost` proteins, and one more each, there are none."""
    taught = {}
    for number, (name, facts) in enumerate(_teachers().items()):
        rng = torch.Generator().manual_seed(31 + number)
        rows, residues = batch.residues.shape
        known = torch.ones(rows, dtype=torch.bool)
        known[[2 + 2 * number, *lost]] = False
        tokens = torch.randn(rows, residues, facts.token_width, generator=rng)
        taught[name] = Taught(
            vectors=torch.randn(rows, facts.width, generator=rng) * known[:, None],
            known=known,
            tokens=tokens,
            tokens_known=batch.residue_mask & known[:, None],
        )
    return Teachings(taught)


def joint_batch(scenario: Scenario) -> ProteinBatch:
    """The proteins of all processes; what a process lacks is not known."""
    batch = make_batch(LENGTHS, seed=3)
    lost = [row for process in scenario.without_teachers for row in scenario.rows[process]]
    return replace(batch, go=None, taught=_taught(batch, lost))


def own_batch(scenario: Scenario, process: int) -> ProteinBatch:
    """What one process holds."""
    batch = take(joint_batch(scenario), scenario.rows[process])
    return replace(batch, taught=None) if process in scenario.without_teachers else batch


def run_process(rank: int, folder: str) -> None:
    """Child: every scenario under DistributedDataParallel, results into `folder`."""
    run_scenarios(rank, folder, {each.name: each for each in SCENARIOS}, Step, own_batch)
