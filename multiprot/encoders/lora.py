"""Low-rank adapters beside a frozen encoder (LoRA, Hu et al. 2021, arXiv 2106.09685), by peft.

A transformer plugin takes `LoraOptions` as its option `lora` and calls `add_lora` once its weights
are loaded. Its capabilities then say `adapters=True`, and a bundle keeps the adapters in a file
apart from the base.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from multiprot.config import Section
from multiprot.errors import PluginError
from multiprot.optional import optional_module

if TYPE_CHECKING:
    from torch import nn


class LoraOptions(Section):
    """What a recipe may write under `lora` of an encoder that takes adapters."""

    rank: int = Field(ge=1)
    """Rank of the update of each adapted matrix."""
    alpha: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """The update is scaled by `alpha / rank`; null: twice the rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of an adapter's inputs dropped in training."""
    targets: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Names of the linear layers to adapt, as the model calls them; null: the encoder's own choice,
    the projections of queries and values."""


def add_lora(
    module: nn.Module, options: LoraOptions, targets: Sequence[str], owner: str
) -> frozenset[str]:
    """Freeze `module` and put adapters beside its linear layers, in place.

    The adapters change nothing until they have learned: one of each pair begins at zero.

    Parameters
    ----------
    module
        The encoder's trunk, its weights loaded.
    options
        The user's.
    targets
        Linear layers adapted where the user names none; a name counts for every layer so called.
    owner
        The plugin's name, for errors.

    Returns
    -------
    frozenset of str
        Entries of `module.state_dict()` that are adapters; with the trunk's prefix, they are
        `ResidueEncoder.adapter_names`.

    Raises
    ------
    PluginError
        If peft is not installed or no layer has a name that was asked for.
    """
    need = f"{owner}: option lora needs the package peft"
    peft = optional_module("peft", need, "peft", error=PluginError)
    wanted = list(options.targets or targets)
    present = {name.rsplit(".", 1)[-1] for name, _ in module.named_modules()}
    absent = [name for name in wanted if name.rsplit(".", 1)[-1] not in present]
    if absent:
        raise PluginError(
            f"{owner}: option lora.targets names {absent[0]!r}, but no layer is called so; "
            f"the encoder's own choice is {', '.join(targets)}"
        )
    alpha = 2 * options.rank if options.alpha is None else options.alpha
    module.requires_grad_(False)
    peft.inject_adapter_in_model(
        peft.LoraConfig(
            r=options.rank, lora_alpha=alpha, lora_dropout=options.dropout, target_modules=wanted
        ),
        module,
    )
    return frozenset(name for name, part in module.named_parameters() if part.requires_grad)
