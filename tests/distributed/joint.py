"""What one process and two processes compute from the same proteins; imported by the children."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import Objective, ProteinBatch
from multiprot.encoders.plugin import ObjectivePlugin
from multiprot.objectives import TotalObjective, plugins
from tests.distributed.processes import run_scenarios
from tests.fusion.fakes import make_batch, make_context, make_model, take

OBJECTIVES: tuple[ObjectivePlugin[Any], ...] = (
    plugins.masked_residue,
    plugins.go_contrast,
    plugins.go_annotation,
    plugins.token_alignment,
    plugins.mutual_information,
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Which rows of the joint batch each process holds, and what each of them lacks."""

    name: str
    rows: tuple[list[int], list[int]]
    without_go: frozenset[int] = frozenset()
    without_structure: frozenset[int] = frozenset()


SCENARIOS = (
    Scenario("unequal", ([0, 1, 2], [3, 4])),
    Scenario("one without GO", ([0, 1, 2], [3, 4]), without_go=frozenset({1})),
    Scenario("one without structure", ([0], [1, 2, 3, 4]), without_structure=frozenset({0})),
    Scenario(
        "nothing in common",
        ([0, 1], [2, 3, 4]),
        without_go=frozenset({0}),
        without_structure=frozenset({1}),
    ),
    Scenario(
        "nobody has any",
        ([0, 1], [2, 3, 4]),
        without_go=frozenset({0, 1}),
        without_structure=frozenset({0, 1}),
    ),
)


class Step(nn.Module):
    """Model and objectives as the trainer wraps them: one forward pass to the total loss."""

    def __init__(self) -> None:
        super().__init__()
        self.model = make_model(seed=7).train()
        torch.manual_seed(11)
        context = make_context()
        built: dict[str, Objective] = {p.name: p.build(p.config(), context) for p in OBJECTIVES}
        self.total = TotalObjective(built, {name: 1.0 + i for i, name in enumerate(built)})

    def forward(self, batch: ProteinBatch) -> Tensor:
        result = self.total(self.model(batch), batch)
        self.metrics = result.metrics
        loss: Tensor = result.loss
        return loss


def joint_batch(scenario: Scenario) -> ProteinBatch:
    """The corrupted proteins of all processes; what a process lacks is masked, not left out."""
    batch = make_batch((9, 5, 12, 7, 10), seed=3, has_structure=(True, True, True, False, True))
    corrupter = plugins.masked_residue
    objective = corrupter.build(corrupter.config(rate=0.4), make_context())
    batch = objective.corrupt(batch, torch.Generator().manual_seed(5))
    if batch.go is None:
        raise RuntimeError("the fake batch has GO")
    has_structure, known = batch.has_structure.clone(), batch.go.known.clone()
    positive = batch.go.positive.clone()
    for process, rows in enumerate(scenario.rows):
        if process in scenario.without_structure:
            has_structure[rows] = False
        if process in scenario.without_go:
            known[rows] = False
            positive[rows] = False
    go = replace(batch.go, known=known, positive=positive)
    return replace(batch, has_structure=has_structure, go=go)


def own_batch(scenario: Scenario, process: int) -> ProteinBatch:
    """What one process holds; a modality none of its proteins has is None, as the collator does."""
    batch = take(joint_batch(scenario), scenario.rows[process])
    if process in scenario.without_structure:
        batch = replace(batch, structure=None)
    if process in scenario.without_go:
        batch = replace(batch, go=None)
    return batch


def run_process(rank: int, folder: str) -> None:
    """Child: every scenario under DistributedDataParallel, results into `folder`."""
    run_scenarios(rank, folder, {each.name: each for each in SCENARIOS}, Step, own_batch)
