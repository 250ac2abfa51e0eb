"""Several objectives as one weighted loss."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import FusionOutputs, Objective, ObjectiveResult, ProteinBatch
from multiprot.errors import ConfigError
from multiprot.fusion.idle import zero_of


@dataclass(frozen=True, slots=True)
class TotalResult:
    """The weighted sum and what it is made of.

    Attributes
    ----------
    loss
        Scalar: Σ weight · loss over objectives.
    results
        Each objective's own outcome, by name.
    """

    loss: Tensor
    results: Mapping[str, ObjectiveResult]

    @property
    def metrics(self) -> dict[str, Tensor]:
        """Detached scalars named `objective/metric`, `objective/loss` and `objective/weight`."""
        named = {"loss": self.loss.detach()}
        for name, result in self.results.items():
            named[f"{name}/loss"] = result.loss.detach()
            named[f"{name}/weight"] = result.weight.detach()
            named |= {f"{name}/{key}": value.detach() for key, value in result.metrics.items()}
        return named


class TotalObjective(nn.Module):
    """Objectives with weights; each corrupts the batch in turn and each adds its loss.

    Parameters
    ----------
    objectives
        By name, in the order in which they corrupt.
    weights
        Factor on each loss, by the same names.

    Raises
    ------
    ConfigError
        If the names differ, or no weight is positive.
    """

    def __init__(self, objectives: Mapping[str, Objective], weights: Mapping[str, float]) -> None:
        super().__init__()
        if set(objectives) != set(weights):
            raise ConfigError(
                f"objectives {sorted(objectives)} but weights for {sorted(weights)}; "
                "each objective needs one weight"
            )
        if not any(weight > 0 for weight in weights.values()):
            raise ConfigError(
                f"objectives: no positive weight among {dict(weights)}; "
                "there is nothing to train for"
            )
        self.objectives = nn.ModuleDict(objectives)
        self.weights = dict(weights)

    def corrupt(self, batch: ProteinBatch, rng: torch.Generator) -> ProteinBatch:
        """The batch as the model shall see it; `rng` (CPU) decides everything that is random."""
        for objective in self._named().values():
            batch = objective.corrupt(batch, rng)
        return batch

    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> TotalResult:
        """Loss of the (corrupted) batch; what the batch cannot teach weighs zero.

        The loss is attached to every output and every head, so that each parameter gets a
        gradient on each process, whatever its batch holds.
        """
        return self.some(tuple(self._named()), outputs, batch)

    def some(
        self, names: Collection[str], outputs: FusionOutputs, batch: ProteinBatch
    ) -> TotalResult:
        """The same of some of the objectives alone; the others are not computed."""
        members = self._named()
        results = {name: members[name](outputs, batch) for name in members if name in names}
        losses = [self.weights[name] * result.loss for name, result in results.items()]
        attached = _zero_of_outputs(outputs) + zero_of([self])
        return TotalResult(torch.stack(losses).sum() + attached, results)

    def members(self) -> tuple[Objective, ...]:
        """The objectives, in the order in which they corrupt."""
        return tuple(self._named().values())

    def _named(self) -> dict[str, Objective]:
        return {name: each for name, each in self.objectives.items() if isinstance(each, Objective)}


def _zero_of_outputs(outputs: FusionOutputs) -> Tensor:
    vectors = [outputs.fused_tokens.values, outputs.projected, outputs.protein]
    for tokens in (outputs.sequence_tokens, outputs.structure_tokens):
        vectors += [] if tokens is None else [tokens.values]
    vectors += [] if outputs.go_projected is None else [outputs.go_projected]
    firsts = [vector.reshape(-1)[:1].float().sum() for vector in vectors]
    return torch.stack(firsts).sum() * 0.0
