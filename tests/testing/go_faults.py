"""GO encoders and objectives that break the contract, each in one way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import (
    FusionOutputs,
    Objective,
    ObjectiveResult,
    ProteinBatch,
)
from multiprot.encoders.plugin import ObjectivePlugin
from multiprot.encoders.reference.term_table import TermTable
from multiprot.errors import PluginError
from multiprot.objectives.masked_residue import MaskedResidue
from multiprot.objectives.plugins import masked_residue
from tests.testing.faults import GO, Fault, built, claiming


class _Ranked(TermTable):
    def forward(self, terms: Tensor) -> Tensor:
        return super().forward(terms) + torch.arange(len(terms))[:, None]


class _Forgetful(TermTable):
    def bind(self, ontology: Any) -> None:
        self.ontology = None
        super().bind(ontology)


class _Vague(TermTable):
    def bind(self, ontology: Any) -> None:
        if self.ontology not in (None, ontology) and len(ontology) != len(self.ontology or ()):
            raise PluginError("no")
        super().bind(ontology)


class _Endless(TermTable):
    def forward(self, terms: Tensor) -> Tensor:
        return torch.where((terms == 0)[:, None], torch.inf, super().forward(terms))


class _Flat(TermTable):
    def forward(self, terms: Tensor) -> Tensor:
        vectors = super().forward(terms)
        return vectors * 0 + vectors.new_ones(self.term_dim)


class _Replacing(TermTable):
    def of_ids(self, term_ids: Sequence[str]) -> Tensor:
        if self.ontology is None:
            raise PluginError("unbound")
        return self(torch.tensor([self.ontology.row(term_id) for term_id in term_ids]))


class _Eager(TermTable):
    def forward(self, terms: Tensor) -> Tensor:
        if self.table is None:
            return torch.zeros(len(terms), self.term_dim)
        return super().forward(terms)


class _Idle(TermTable):
    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.idle = nn.Linear(2, 2)


class _Drawn(TermTable):
    def bind(self, ontology: Any) -> None:
        super().bind(ontology)
        self.register_buffer("drawn", torch.randn(self.term_dim), persistent=False)

    def forward(self, terms: Tensor) -> Tensor:
        vectors: Tensor = super().forward(terms) + self.drawn
        return vectors


class _Crashing(TermTable):
    def forward(self, terms: Tensor) -> Tensor:
        return super().forward(terms) + terms.max()


class _Noisy(TermTable):
    def forward(self, terms: Tensor) -> Tensor:
        return super().forward(terms) + torch.rand(1)


Change = Callable[[Any, Any], Any]


def _objective(
    corrupt: Callable[[Any, ProteinBatch, torch.Generator], ProteinBatch] | None = None,
    forward: Callable[[Any, FusionOutputs, ProteinBatch], ObjectiveResult] | None = None,
    **parts: Any,
) -> ObjectivePlugin[Any]:
    methods = {"corrupt": corrupt, "forward": forward}
    kept = {name: method for name, method in methods.items() if method is not None}
    kind: Any = type("Spoilt", (MaskedResidue,), {**kept, **parts})

    def build(config: Any, context: Any) -> Objective:
        made: Objective = kind(config, context)
        return made

    return replace(masked_residue, build=build)


def _by_chance(self: Any, batch: ProteinBatch, rng: torch.Generator) -> ProteinBatch:
    return MaskedResidue.corrupt(self, batch, torch.Generator().manual_seed(torch.seed() % 2**60))


def _in_place(self: Any, batch: ProteinBatch, rng: torch.Generator) -> ProteinBatch:
    batch.sequence.letters.fill_(26)  # type: ignore[union-attr]
    return MaskedResidue.corrupt(self, batch, rng)


def _targets_too(self: Any, batch: ProteinBatch, rng: torch.Generator) -> ProteinBatch:
    corrupted = MaskedResidue.corrupt(self, batch, rng)
    return replace(corrupted, residues=corrupted.residues.clamp(max=3))


def _by_place(self: Any, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
    result = MaskedResidue.forward(self, outputs, batch)
    place = torch.arange(float(len(batch.ids))) @ outputs.protein.abs().sum(dim=1)
    return replace(result, loss=result.loss + place)


def _never_resting(self: Any, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
    result = MaskedResidue.forward(self, outputs, batch)
    return replace(result, loss=result.loss + outputs.protein.pow(2).mean())


def _loose(self: Any, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
    result = MaskedResidue.forward(self, outputs, batch)
    return replace(result, loss=result.loss.detach().requires_grad_())


def _uphill(self: Any, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
    result = MaskedResidue.forward(self, outputs, batch)
    return replace(result, loss=2 * result.loss.detach() - result.loss)


def _endless(self: Any, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
    result = MaskedResidue.forward(self, outputs, batch)
    return replace(result, metrics={**result.metrics, "share": result.loss / 0})


class _Drifting(MaskedResidue):
    """Draws a number that no state holds."""

    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        self.drawn = float(torch.rand(1))

    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        result = super().forward(outputs, batch)
        return replace(result, loss=result.loss * (1 + self.drawn))


def _halved(self: Any, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
    result = MaskedResidue.forward(self, outputs, batch)
    half = torch.is_autocast_enabled("cpu")
    return replace(result, loss=result.loss.bfloat16() if half else result.loss)


GO_FAULTS = [
    Fault("vectors by rank", "other_terms_do_not_matter", built(GO, _Ranked), "the others"),
    Fault("bound twice", "binds_once", built(GO, _Forgetful), "binding the same"),
    Fault("a refusal without names", "binds_once", built(GO, _Vague), "not named"),
    Fault(
        "an infinite root", "every_live_term_has_its_own_vector", built(GO, _Endless), "infinite"
    ),
    Fault("one vector for all", "every_live_term_has_its_own_vector", built(GO, _Flat), "same"),
    Fault(
        "obsolete ids replaced silently",
        "obsolete_id_is_refused",
        built(GO, _Replacing),
        "nothing is raised",
    ),
    Fault("vectors without an ontology", "unbound_is_refused", built(GO, _Eager), "bind"),
    Fault("an idle parameter", "gradients_reach_every_parameter", built(GO, _Idle), "idle"),
    Fault("drawn, but not saved", "weights_travel_in_safetensors", built(GO, _Drawn), "persistent"),
    Fault("crashes without terms", "no_terms", built(GO, _Crashing), ""),
    Fault("random", "twice_is_the_same", built(GO, _Noisy), "dropout"),
    Fault(
        "frozen, yet learning",
        "gradients_reach_every_parameter",
        claiming(GO, trainable=False),
        "trainable=False",
    ),
    Fault(
        "requires a sequence",
        "modality",
        claiming(GO, requires=frozenset({"sequence"})),
        "empty requires",
    ),
]

OBJECTIVE_FAULTS = [
    Fault(
        "hides by chance",
        "corruption_is_decided_by_the_generator",
        _objective(_by_chance),
        "generator",
    ),
    Fault(
        "masks in place",
        "corruption_leaves_the_batch_alone",
        _objective(_in_place),
        "corrupt changed the batch",
    ),
    Fault(
        "changes the targets",
        "corruption_leaves_the_batch_alone",
        _objective(_targets_too),
        "targets",
    ),
    Fault(
        "says it hides no residues",
        "residues_are_hidden_by_those_that_say_so",
        _objective(hides_residues=False),
        "hides_residues is False",
    ),
    Fault(
        "counts places", "order_of_proteins_does_not_matter", _objective(forward=_by_place), "order"
    ),
    Fault(
        "never rests",
        "without_what_it_needs_it_rests",
        _objective(forward=_never_resting),
        "without sequence",
    ),
    Fault(
        "cut off from the model",
        "gradients_reach_heads_and_model",
        _objective(forward=_loose),
        "no gradient",
    ),
    Fault("uphill", "a_step_along_the_gradient_helps", _objective(forward=_uphill), "sign"),
    Fault("a loss in bf16", "finite_in_half_precision", _objective(forward=_halved), "bfloat16"),
    Fault("another name", "is_named_as_its_plugin", _objective(name="other"), "same name"),
    Fault("an infinite metric", "loss_is_a_finite_scalar", _objective(forward=_endless), "share"),
    Fault(
        "drawn, but not saved",
        "state_travels_in_safetensors",
        replace(masked_residue, build=_Drifting),
        "persistent",
    ),
]
