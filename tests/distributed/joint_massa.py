"""The same for a model that reads GO terms, with MASSA's five objectives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import (
    NO_TERM,
    GoSet,
    Objective,
    ObjectiveContext,
    ProteinBatch,
    SpanTargets,
    SpanVocabulary,
)
from multiprot.encoders.plugin import ObjectivePlugin
from multiprot.fusion.config import GoExchangeConfig, SequenceStackConfig
from multiprot.objectives import TotalObjective, plugins
from tests.distributed.processes import run_scenarios
from tests.fusion.fakes import SMALL, TERMS, make_batch, make_context, make_model, take

LENGTHS = (9, 5, 12, 7, 10)
CONFIG = SMALL.model_copy(
    update={
        "residues": "self-attention",
        "sequence_stack": SequenceStackConfig(positions=32, layers=2, kernel=3, dropout=0.0),
        "go_exchange": GoExchangeConfig(width=8, heads=2, set_layers=1, layers=2),
    }
)
KINDS = ("domain", "motif", "region")
VOCABULARY = SpanVocabulary(
    kinds=KINDS,
    entries=tuple((kind, name) for kind in KINDS for name in ("a", "b")),
    proteins=(20, 12, 9, 8, 7, 30),
    spans=(25, 12, 9, 8, 7, 31),
    singles=(0,) * 6,
    residues=(700, 60, 45, 40, 35, 310),
    known_residues=tuple(((kind,), 2500) for kind in KINDS),
)
SPANS = (
    # protein, start, stop, entry
    (0, 1, 5, 0),
    (0, 6, 9, 5),
    (1, 0, 3, 2),
    (2, 0, 3, 1),
    (3, 1, 6, 4),
    (4, 2, 5, 3),
    (4, 6, 9, 0),
)
TERM_SETS = ((0, 2, 7), (1, 5), (6, 8, 9, 10), (4,), (0, 6))
OPTIONS: dict[str, dict[str, Any]] = {
    "masked-residue": {"rate": 0.4},
    "masked-go": {"rate": 0.5, "min_proteins": 1},
    **{f"{kind}-tagging": {"kinds": [kind], "min_proteins": 1} for kind in KINDS},
    "go-contrast": {},
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """Which rows of the joint batch each process holds, and what each of them lacks."""

    name: str
    rows: tuple[list[int], list[int]]
    without_terms: frozenset[int] = frozenset()
    without_spans: frozenset[int] = frozenset()
    without_structure: frozenset[int] = frozenset()


SCENARIOS = (
    Scenario("MASSA, unequal", ([0, 1, 2], [3, 4])),
    Scenario("MASSA, one without terms", ([0, 1], [2, 3, 4]), without_terms=frozenset({1})),
    Scenario("MASSA, one without spans", ([0, 1, 2], [3, 4]), without_spans=frozenset({0})),
    Scenario("MASSA, nobody has terms", ([0, 1, 2], [3, 4]), without_terms=frozenset({0, 1})),
    Scenario(
        "MASSA, nothing in common",
        ([0, 1], [2, 3, 4]),
        without_terms=frozenset({0}),
        without_spans=frozenset({1}),
        without_structure=frozenset({1}),
    ),
)


class Step(nn.Module):
    """Model and objectives as the trainer wraps them: one forward pass to the total loss."""

    def __init__(self) -> None:
        super().__init__()
        self.model = make_model(CONFIG, seed=7).train()
        torch.manual_seed(11)
        built = {name: _objective(name) for name in OPTIONS}
        self.total = TotalObjective(built, {name: 1.0 + i for i, name in enumerate(built)})

    def forward(self, batch: ProteinBatch) -> Tensor:
        result = self.total(self.model(batch), batch)
        self.metrics = result.metrics
        loss: Tensor = result.loss
        return loss


def _objective(name: str) -> Objective:
    plugin: ObjectivePlugin[Any] = getattr(plugins, name.replace("-", "_"))
    return plugin.build(plugin.config(**OPTIONS[name]), _context())


def _context() -> ObjectiveContext:
    counts = torch.arange(3, 3 + TERMS)
    return replace(make_context(CONFIG), go_width=8, go_set_counts=counts, spans=VOCABULARY)


def joint_batch(scenario: Scenario) -> ProteinBatch:
    """The corrupted proteins of all processes; what a process lacks is not there."""
    batch = make_batch(LENGTHS, seed=3)
    batch = replace(batch, go_set=_sets(TERM_SETS), spans=_spans(SPANS, len(LENGTHS)))
    for name in ("masked-residue", "masked-go"):
        batch = _objective(name).corrupt(batch, torch.Generator().manual_seed(5))
    if batch.go is None or batch.go_set is None:
        raise RuntimeError("the fake batch has GO")
    has_structure, known = batch.has_structure.clone(), batch.go.known.clone()
    terms, shown, hidden = (
        part.clone() for part in (batch.go_set.terms, batch.go_set.shown, batch.go_set.hidden)
    )
    spans = SPANS
    for process, rows in enumerate(scenario.rows):
        if process in scenario.without_structure:
            has_structure[rows] = False
        if process in scenario.without_terms:
            known[rows], hidden[rows] = False, False
            terms[rows] = shown[rows] = NO_TERM
        if process in scenario.without_spans:
            spans = tuple(span for span in spans if span[0] not in rows)
    positive = batch.go.positive & known[:, batch.go.namespaces]
    return replace(
        batch,
        has_structure=has_structure,
        go=replace(batch.go, known=known, positive=positive),
        go_set=GoSet(terms, shown, hidden),
        spans=_spans(spans, len(LENGTHS)),
    )


def own_batch(scenario: Scenario, process: int) -> ProteinBatch:
    """What one process holds, as the collator would give it."""
    rows = scenario.rows[process]
    whole = joint_batch(scenario)
    if whole.go_set is None:
        raise RuntimeError("the fake batch has GO")
    batch = take(replace(whole, go_set=None, spans=None), rows)
    spans = () if process in scenario.without_spans else SPANS
    own = tuple((rows.index(span[0]), *span[1:]) for span in spans if span[0] in rows)
    batch = replace(
        batch, go_set=whole.go_set.taken(torch.tensor(rows)), spans=_spans(own, len(rows))
    )
    if process in scenario.without_structure:
        batch = replace(batch, structure=None)
    return replace(batch, go=None) if process in scenario.without_terms else batch


def _sets(known: tuple[tuple[int, ...], ...]) -> GoSet:
    slots = max(len(terms) for terms in known)
    terms = torch.tensor([[*row, *[NO_TERM] * (slots - len(row))] for row in known])
    return GoSet(terms, terms, torch.zeros_like(terms, dtype=torch.bool))


def _spans(rows: tuple[tuple[int, ...], ...], proteins: int) -> SpanTargets:
    protein, start, stop, entry = torch.tensor(rows, dtype=torch.int64).reshape(-1, 4).T
    kind = entry // 2
    known = torch.zeros(proteins, len(KINDS), dtype=torch.bool)
    known[protein, kind] = True
    whole = torch.ones(len(rows), dtype=torch.bool)
    return SpanTargets(protein, start, stop, kind, entry, stop - start, whole, whole, known)


def run_process(rank: int, folder: str) -> None:
    """Child: every scenario under DistributedDataParallel, results into `folder`."""
    run_scenarios(rank, folder, {each.name: each for each in SCENARIOS}, Step, own_batch)
