"""The same for STEPS' two objectives of geometry, and for 3Di states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import ObjectiveContext, ProteinBatch
from multiprot.encoders.plugin import ObjectivePlugin
from multiprot.objectives import TotalObjective, plugins
from tests.distributed.processes import run_scenarios
from tests.fusion.fakes import (
    HideableFeatures,
    make_batch,
    make_context,
    make_fold_states,
    make_geometry,
    make_model,
    take,
)

LENGTHS = (9, 5, 12, 7, 10)
OPTIONS: dict[str, dict[str, Any]] = {
    # Of the longest proteins not all pairs are drawn.
    "pairwise-distance": {"pairs": 20},
    "dihedral": {"rate": 0.4},
    "fold-state": {"seen_structures": True},
}
IDLE = {"go", "pool", "project_go", "project_protein"}
"""Parts of the model that make vectors of proteins and terms, not of residues."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Which rows of the joint batch each process holds, and what each of them lacks."""

    name: str
    rows: tuple[list[int], list[int]]
    without_geometry: frozenset[int] = frozenset()
    without_structure: frozenset[int] = frozenset()


SCENARIOS = (
    Scenario("STEPS, unequal", ([0, 1, 2], [3, 4])),
    Scenario("STEPS, one without geometry", ([0, 1], [2, 3, 4]), without_geometry=frozenset({1})),
    Scenario("STEPS, one withheld", ([0, 1, 2], [3, 4]), without_structure=frozenset({0})),
    Scenario("STEPS, nobody", ([0, 1, 2], [3, 4]), without_geometry=frozenset({0, 1})),
)


class Step(nn.Module):
    """Model and objectives as the trainer wraps them: one forward pass to the total loss."""

    def __init__(self) -> None:
        super().__init__()
        self.model = make_model(seed=7).train()
        torch.manual_seed(11)
        self.total = TotalObjective(
            {name: _plugin(name).build(_config(name), _context()) for name in OPTIONS},
            {name: 1.0 + number for number, name in enumerate(OPTIONS)},
        )

    def forward(self, batch: ProteinBatch) -> Tensor:
        result = self.total(self.model(batch), batch)
        self.metrics = result.metrics
        loss: Tensor = result.loss
        return loss


def _plugin(name: str) -> ObjectivePlugin[Any]:
    plugin: ObjectivePlugin[Any] = getattr(plugins, name.replace("-", "_"))
    return plugin


def _config(name: str) -> Any:
    return _plugin(name).config(**OPTIONS[name])


def _context() -> ObjectiveContext:
    return make_context()


def joint_batch(scenario: Scenario) -> ProteinBatch:
    """The corrupted proteins of all processes; what a process lacks is not there."""
    batch = make_batch(LENGTHS, seed=3)
    features: Any = batch.structure
    batch = replace(
        batch,
        go=None,
        structure=HideableFeatures(features.values, features.mask),
        geometry=make_geometry(batch),
        fold_states=make_fold_states(batch),
    )
    dihedral = _plugin("dihedral").build(_config("dihedral"), _context())
    batch = dihedral.corrupt(batch, torch.Generator().manual_seed(5))
    if batch.geometry is None or batch.fold_states is None:
        raise RuntimeError("the fake batch has geometry and states")
    has_structure = batch.has_structure.clone()
    states = batch.fold_states.clone()
    known, angles = batch.geometry.alpha_known.clone(), batch.geometry.dihedrals_known.clone()
    for process, rows in enumerate(scenario.rows):
        if process in scenario.without_structure:
            has_structure[rows] = False
        if process in scenario.without_geometry:
            known[rows], angles[rows], states[rows] = False, False, -1
    geometry = replace(batch.geometry, alpha_known=known, dihedrals_known=angles)
    return replace(batch, has_structure=has_structure, geometry=geometry, fold_states=states)


def own_batch(scenario: Scenario, process: int) -> ProteinBatch:
    """What one process holds, as the collator would give it."""
    batch = take(joint_batch(scenario), scenario.rows[process])
    if process in scenario.without_structure:
        batch = replace(batch, structure=None)
    if process in scenario.without_geometry:
        return replace(batch, geometry=None, fold_states=None)
    return batch


def run_process(rank: int, folder: str) -> None:
    """Child: every scenario under DistributedDataParallel, results into `folder`."""
    run_scenarios(rank, folder, {each.name: each for each in SCENARIOS}, Step, own_batch)
