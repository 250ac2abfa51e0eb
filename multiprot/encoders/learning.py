"""What of a pretrained transformer learns: all, some last layers, none, or adapters beside it.

For plugins whose encoder has layers one after another; no torch until something is arranged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from multiprot.config import Section
from multiprot.encoders.lora import LoraOptions, add_lora
from multiprot.errors import PluginError

if TYPE_CHECKING:
    from torch import nn


class LearningOptions(Section):
    """Options that decide what learns; an encoder's own options derive from it."""

    freeze: Literal["none", "all"] | Annotated[int, Field(ge=1)] = "none"
    """What does not learn: none, all, or all but this many last layers and the final norm."""
    lora: LoraOptions | None = None
    """Low-rank adapters, which learn while all else is frozen; null: none."""

    @model_validator(mode="after")
    def _one_way_to_learn(self) -> Self:
        if self.lora is not None and self.freeze != "none":
            raise ValueError(
                f"freeze {self.freeze} beside lora, which freezes everything but its adapters; "
                "leave one of them out"
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningParts:
    """A transformer as `arrange_learning` needs to know it.

    Attributes
    ----------
    trunk
        The whole of it, its weights loaded.
    before
        What comes before the layers: embeddings and what drops them.
    layers
        First to last.
    lora_targets
        Linear layers that get adapters where the user names none.
    """

    trunk: nn.Module
    before: Sequence[nn.Module]
    layers: Sequence[nn.Module]
    lora_targets: Sequence[str]


@dataclass(frozen=True, slots=True)
class Learning:
    """What `arrange_learning` decided.

    Attributes
    ----------
    frozen
        Modules that do not learn and stay as in use: no dropout.
    waking
        Modules inside frozen ones that follow the mode nevertheless: adapters and their dropout.
    adapters
        Entries of the trunk's `state_dict` that are adapters.
    """

    frozen: Sequence[nn.Module] = ()
    waking: Sequence[nn.Module] = ()
    adapters: frozenset[str] = frozenset()

    def train(self, mode: bool) -> None:
        """Put frozen modules in evaluation mode and adapters in `mode`; for an encoder's train."""
        for module in self.frozen:
            module.eval()
        for module in self.waking:
            module.train(mode)


def arrange_learning(options: LearningOptions, parts: LearningParts, owner: str) -> Learning:
    """Stop gradients and add adapters as `options` say, in place.

    Parameters
    ----------
    options
        The user's.
    parts
        The transformer.
    owner
        The plugin's name, for errors.

    Raises
    ------
    PluginError
        If more layers are to learn than there are, or adapters cannot be added.
    """
    if options.lora is not None:
        adapters = add_lora(parts.trunk, options.lora, parts.lora_targets, owner)
        waking = [
            module
            for name, module in parts.trunk.named_modules()
            if name.rsplit(".", 1)[-1].startswith("lora_")
        ]
        return Learning([parts.trunk], waking, adapters)
    frozen = _frozen(options.freeze, parts, owner)
    for module in frozen:
        module.requires_grad_(False)
    return Learning(frozen)


def _frozen(
    freeze: Literal["none", "all"] | int, parts: LearningParts, owner: str
) -> list[nn.Module]:
    if freeze == "none":
        return []
    if freeze == "all":
        return [parts.trunk]
    if freeze > len(parts.layers):
        raise PluginError(
            f"{owner}: freeze {freeze} would let {freeze} layers learn, but there are only "
            f"{len(parts.layers)}; say none to let all learn"
        )
    return [*parts.before, *parts.layers[: len(parts.layers) - freeze]]
