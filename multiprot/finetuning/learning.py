"""Which parts of a model learn, and that all others stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from torch import nn

from multiprot.errors import TrainingError
from multiprot.fusion import FusionModel
from multiprot.training.finetune.options import FineTuneOptions

_ENCODERS: Final = ("sequence", "structure")
_UNREACHED: Final = ("go", "project_go", "project_protein")
"""Parts of a model that no task reaches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningParts:
    """Parts of a model that learn, after `let_learn`.

    Attributes
    ----------
    model
        The whole.
    modules
        Those that follow the mode: dropout in training. All others stay as in use.
    sequence_learns
        Whether the sequence encoder's tokens change.
    """

    model: FusionModel
    modules: tuple[nn.Module, ...]
    sequence_learns: bool

    def train(self, mode: bool) -> None:
        """Bring the parts that learn into `mode`, and all others into use."""
        self.model.eval()
        for module in self.modules:
            module.train(mode)


def let_learn(
    model: FusionModel, options: FineTuneOptions, name: str, *, structures: bool
) -> LearningParts:
    """Stop gradients of all that the options leave as it is.

    What an encoder's own options froze stays frozen.

    Parameters
    ----------
    model
        Its parameters are marked.
    options
        Say which parts.
    name
        Of the model, for errors.
    structures
        Whether proteins have any.

    Raises
    ------
    TrainingError
        If a part that is to learn is not there or is never used, or nothing would learn.
    """
    chosen = options.learns if options.mode == "parts" else (*_ENCODERS, "fusion")
    if options.mode == "parts":
        _refuse_unused(model, options, name, structures=structures)
    if options.mode == "lora":
        chosen = ("sequence",)
    modules = tuple(module for part in chosen for module in _modules(model, part, structures))
    of_chosen = {id(parameter) for module in modules for parameter in module.parameters()}
    adapters = _adapters(model) if options.mode == "lora" else None
    for key, parameter in model.named_parameters():
        if id(parameter) not in of_chosen or (adapters is not None and key not in adapters):
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise TrainingError(
            f"{name}: nothing of the model learns in mode {options.mode}, "
            f"{_reason(options)}; choose mode frozen"
        )
    encoder = model.sequence
    learns = encoder is not None and any(p.requires_grad for p in encoder.parameters())
    return LearningParts(model=model, modules=modules, sequence_learns=learns)


def _modules(model: FusionModel, part: str, structures: bool) -> Iterator[nn.Module]:
    """What a part is made of."""
    if part in _ENCODERS:
        encoder = getattr(model, part)
        if encoder is not None and (part == "sequence" or structures):
            yield encoder
        return
    for name, module in model.named_children():
        if name not in (*_ENCODERS, *_UNREACHED):
            yield module


def _adapters(model: FusionModel) -> set[str]:
    names = () if model.sequence is None else model.sequence.adapter_names
    return {f"sequence.{name}" for name in names}


def _refuse_unused(
    model: FusionModel, options: FineTuneOptions, name: str, *, structures: bool
) -> None:
    for part in _ENCODERS:
        if part in options.learns and getattr(model, part) is None:
            raise TrainingError(
                f"{name}: --learns {part}, and the model has no {part} encoder; leave it out, or "
                "choose another model"
            )
    if "structure" in options.learns and not structures:
        raise TrainingError(
            f"{name}: --learns structure, and no protein has a structure; give a folder of them "
            "with --structures"
        )


def _reason(options: FineTuneOptions) -> str:
    if options.mode == "parts":
        return f"what of {' and '.join(options.learns)} could is frozen by its own options"
    return "its encoder is frozen by its own options"
