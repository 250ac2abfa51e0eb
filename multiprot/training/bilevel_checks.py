"""Whether what a recipe says of inner steps is possible with the model that it describes."""

from __future__ import annotations

from torch import nn

from multiprot.errors import ConfigError
from multiprot.objectives import TotalObjective
from multiprot.training.settings import BilevelConfig


def refuse_impossible_inner_steps(
    model: nn.Module, objectives: TotalObjective, bilevel: BilevelConfig
) -> None:
    """Raise `ConfigError` unless an encoder can take inner steps, and they can lead somewhere.

    Called before tokens are cached, which may take hours.
    """
    encoder = getattr(model, bilevel.part)
    if not any(parameter.requires_grad for parameter in encoder.parameters()):
        raise ConfigError(
            f"bilevel.part: nothing of the {bilevel.part} encoder learns, so it can take no inner "
            f"steps; let its last layers learn (model.{bilevel.part}.options.freeze=1; tokens of "
            "the frozen ones can be cached all the same), or set bilevel to null"
        )
    for objective in objectives.members():
        wanted = [need for need in ("sequence", "structure", "go") if need in objective.needs]
        lacking = [need for need in wanted if getattr(model, need) is None]
        if objective.name in bilevel.objectives and lacking:
            raise ConfigError(
                f"bilevel.objectives: {objective.name!r} needs {lacking[0]}, and the model has no "
                f"{lacking[0]} encoder; choose one in model.{lacking[0]}, or another objective"
            )
