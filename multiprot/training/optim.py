"""AdamW over two parameter groups, and its learning rate schedule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from multiprot.training.schedule import learning_rate_share
from multiprot.training.settings import Encoder, OptimizerConfig, ScheduleConfig

_UNDECAYED_MODULES = (nn.Embedding, nn.EmbeddingBag, nn.LayerNorm, nn.RMSNorm, nn.GroupNorm)


def build_optimizer(module: nn.Module, options: OptimizerConfig) -> AdamW:
    """AdamW that decays matrices only: biases, scales, norms and embeddings are left alone.

    Parameters of `module.model.<encoder>` learn at their own multiple of the peak rate. Uses the
    fused kernel where every parameter is on one device that has it, else one kernel for all
    parameters at once ("foreach").
    """
    encoder_of = _encoders_by_parameter(module)
    grouped: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for parameter, decays in trainable_parameters(module):
        encoder = encoder_of.get(id(parameter))
        multiple = 1.0 if encoder is None else options.encoder_lr.get(encoder, 1.0)
        grouped.setdefault((multiple, decays), []).append(parameter)
    # The rate that is logged is the first group's: that of everything but encoders.
    order = sorted(grouped, key=lambda key: (key[0] != 1.0, key[0], not key[1]))
    groups = [
        {
            "params": grouped[multiple, decays],
            "lr": options.peak_lr * multiple,
            "weight_decay": options.weight_decay if decays else 0.0,
        }
        for multiple, decays in order
    ]
    parameters = [parameter for members in grouped.values() for parameter in members]
    return AdamW(
        groups,
        lr=options.peak_lr,
        betas=options.betas,
        eps=options.epsilon,
        fused=all(p.is_floating_point() for p in parameters),
    )


def _encoders_by_parameter(module: nn.Module) -> dict[int, Encoder]:
    """Which encoder of the model a parameter, by its `id`, belongs to."""
    found: dict[int, Encoder] = {}
    for name in get_args(Encoder):
        encoder = getattr(getattr(module, "model", None), name, None)
        if encoder is not None:
            found |= {id(parameter): name for parameter in encoder.parameters()}
    return found


def trainable_parameters(module: nn.Module) -> Iterator[tuple[nn.Parameter, bool]]:
    """Each parameter that wants a gradient, once, and whether weight decay applies to it."""
    seen: set[int] = set()
    for owner in module.modules():
        for parameter in owner.parameters(recurse=False):
            if parameter.requires_grad and id(parameter) not in seen:
                seen.add(id(parameter))
                yield parameter, parameter.ndim >= 2 and not isinstance(owner, _UNDECAYED_MODULES)


def build_scheduler(optimizer: AdamW, schedule: ScheduleConfig, max_steps: int) -> LambdaLR:
    """The schedule as Lightning steps it: once per optimizer step.

    The function is a closure on purpose: `LambdaLR` saves the attributes of callable objects and
    would bring back an old `max_steps` when a run is resumed with a larger one.
    """

    def share(step: int) -> float:
        return learning_rate_share(step, max_steps, schedule)

    return LambdaLR(optimizer, share)


def gradient_norm(parameters: list[torch.Tensor], clip: float | None) -> torch.Tensor:
    """Scale gradients in place to a joint norm of at most `clip`; returns the norm before."""
    limit = float("inf") if clip is None else clip
    return nn.utils.clip_grad_norm_(parameters, limit)
