"""Which parameters learn: all, some last layers, none, or adapters beside a frozen model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from multiprot.encoders.lora import add_lora
from multiprot.errors import PluginError
from multiprot_esm.options import Esm2Options


@dataclass(frozen=True, slots=True)
class Learning:
    """What `arrange` decided.

    Attributes
    ----------
    frozen
        Modules that do not learn and stay as in use: no dropout.
    waking
        Modules inside frozen ones that learn nevertheless.
    adapters
        Entries of the trunk's `state_dict` that are adapters.
    """

    frozen: Sequence[nn.Module] = ()
    waking: Sequence[nn.Module] = ()
    adapters: frozenset[str] = field(default_factory=frozenset)

    def train(self, mode: bool) -> None:
        """Put frozen modules in evaluation mode, adapters in `mode`."""
        for module in self.frozen:
            module.eval()
        for module in self.waking:
            module.train(mode)


def arrange(trunk: Any, options: Esm2Options) -> Learning:
    """Stop gradients in `trunk`, an `EsmModel`, and add adapters, as `options` say.

    Raises
    ------
    PluginError
        If more layers are to learn than there are, or adapters cannot be added.
    """
    if options.lora is not None:
        adapters = add_lora(trunk, options.lora, ("query", "value"), "esm2")
        # peft hangs an adapter's own dropout beside its matrices, in a layer that is frozen.
        waking = [m for name, m in trunk.named_modules() if name.endswith(".lora_dropout")]
        return Learning([trunk], waking, adapters)
    if options.freeze == "none":
        return Learning()
    if options.freeze == "all":
        trunk.requires_grad_(False)
        return Learning([trunk])
    layers = list(trunk.encoder.layer)
    learning = int(options.freeze)
    if learning > len(layers):
        raise PluginError(
            f"esm2: freeze {learning} would let {learning} layers learn, but there are only "
            f"{len(layers)}; say none to let all learn"
        )
    frozen = [trunk.embeddings, *layers[: len(layers) - learning]]
    for module in frozen:
        module.requires_grad_(False)
    return Learning(frozen)
