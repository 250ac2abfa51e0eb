"""AdamW over two parameter groups, and its learning rate schedule."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from multiprot.training.schedule import learning_rate_share
from multiprot.training.settings import OptimizerConfig, ScheduleConfig

_UNDECAYED_MODULES = (nn.Embedding, nn.EmbeddingBag, nn.LayerNorm, nn.RMSNorm, nn.GroupNorm)


def build_optimizer(module: nn.Module, options: OptimizerConfig) -> AdamW:
    """AdamW that decays matrices only: biases, scales, norms and embeddings are left alone.

    Uses the fused kernel where every parameter is on one device that has it, else one kernel for
    all parameters at once ("foreach").
    """
    decayed: list[nn.Parameter] = []
    spared: list[nn.Parameter] = []
    for parameter, decays in trainable_parameters(module):
        (decayed if decays else spared).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": options.weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    fused = all(p.is_floating_point() for p in decayed + spared)
    return AdamW(
        [group for group in groups if group["params"]],
        lr=options.peak_lr,
        betas=options.betas,
        eps=options.epsilon,
        fused=fused,
    )


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
