"""Which optimizer moves which parameter, and the learning rate schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args

import torch
from torch import nn
from torch.optim import AdamW, Optimizer, RAdam
from torch.optim.lr_scheduler import LambdaLR

from multiprot.errors import ConfigError
from multiprot.optional import optional_module
from multiprot.training.joint_optimizer import JointOptimizer
from multiprot.training.schedule import learning_rate_share
from multiprot.training.settings import Encoder, LookaheadConfig, OptimizerConfig, ScheduleConfig

_UNDECAYED_MODULES = (nn.Embedding, nn.EmbeddingBag, nn.LayerNorm, nn.RMSNorm, nn.GroupNorm)


def build_optimizer(module: nn.Module, options: OptimizerConfig) -> Optimizer:
    """AdamW or RAdam of all parameters, or Muon of the model's matrices beside AdamW of the rest.

    Only matrices decay: biases, scales, norms and embeddings are left alone. Parameters of
    `module.model.<encoder>` learn at their own multiple of the peak rate.

    Raises
    ------
    ConfigError
        If Muon is asked for and this torch has none, or lookahead without pytorch-optimizer.
    """
    encoder_of = _encoders_by_parameter(module)
    matrices = _hidden_matrices(module) if options.name == "muon" else set()
    grouped: dict[tuple[bool, float, bool], list[nn.Parameter]] = {}
    for parameter, decays in trainable_parameters(module):
        encoder = encoder_of.get(id(parameter))
        multiple = 1.0 if encoder is None else options.encoder_lr.get(encoder, 1.0)
        kind = (id(parameter) in matrices and decays, multiple, decays)
        grouped.setdefault(kind, []).append(parameter)
    # The rate that is logged is the first group's: that of everything but encoders.
    order = sorted(grouped, key=lambda kind: (kind[0], kind[1] != 1.0, kind[1], not kind[2]))
    groups: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for kind in order:
        by_muon, multiple, decays = kind
        rate, decay = options.peak_lr * multiple, options.weight_decay if decays else 0.0
        groups[by_muon].append({"params": grouped[kind], "lr": rate, "weight_decay": decay})
    members = [
        make(groups[by_muon], options)
        for by_muon, make in ((False, _radam if options.name == "radam" else _adamw), (True, _muon))
        if groups[by_muon]
    ]
    joint = members[0] if len(members) == 1 else JointOptimizer(members)
    return joint if options.lookahead is None else _lookahead(joint, options.lookahead)


def _adamw(groups: list[dict[str, Any]], options: OptimizerConfig) -> Optimizer:
    """Fused where every parameter is on one device that has the kernel, else "foreach"."""
    parameters = [parameter for group in groups for parameter in group["params"]]
    return AdamW(
        groups,
        lr=options.peak_lr,
        betas=options.betas,
        eps=options.epsilon,
        fused=all(p.is_floating_point() for p in parameters),
    )


def _radam(groups: list[dict[str, Any]], options: OptimizerConfig) -> Optimizer:
    return RAdam(
        groups,
        lr=options.peak_lr,
        betas=options.betas,
        eps=options.epsilon,
        decoupled_weight_decay=True,
    )


def _lookahead(optimizer: Optimizer, options: LookaheadConfig) -> Optimizer:
    library = optional_module(
        "pytorch_optimizer",
        "optimizer.lookahead needs pytorch-optimizer",
        "'multiprot[lookahead]', or set optimizer.lookahead to null",
        error=ConfigError,
    )
    slow: Optimizer = library.Lookahead(optimizer, k=options.steps, alpha=options.alpha)
    return slow


def _muon(groups: list[dict[str, Any]], options: OptimizerConfig) -> Optimizer:
    """Updates as large as AdamW's (Liu et al. 2025, arXiv:2502.16982): one rate suits both."""
    muon: Callable[..., Optimizer] | None = getattr(torch.optim, "Muon", None)
    if muon is None:
        raise ConfigError(
            f"optimizer.name: muon needs torch 2.9 or newer, this is {torch.__version__}; update "
            "torch, or write adamw"
        )
    return muon(
        groups,
        lr=options.peak_lr,
        momentum=options.momentum,
        adjust_lr_fn="match_rms_adamw",
    )


def _hidden_matrices(module: nn.Module) -> set[int]:
    """Matrices, by their `id`, between the model's inputs and its tokens; no objective's."""
    model = getattr(module, "model", module)
    return {id(parameter) for parameter in model.parameters() if parameter.ndim == 2}


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


def build_scheduler(optimizer: Optimizer, schedule: ScheduleConfig, max_steps: int) -> LambdaLR:
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
