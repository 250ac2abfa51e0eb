"""Pseudo bi-level optimisation: an outer loss, read after inner steps that it sees through.

    inner:  θ_{t+1} = θ_t - η ∂L_in(θ_t, w)/∂θ        t = 0 … k-1
    outer:  L_out(θ_k(θ_0, w), w), of which w learns

θ is a part of a module's parameters, w all the others. STEPS (Chen et al. 2023, Bioinformatics
39(4):btad189) has the last layer of a language model for θ. Second order: ∂θ_k/∂w is the exact
derivative of the steps, whose inner gradients are differentiated, too (reverse mode through k
unrolled steps: Franceschi et al. 2017, arXiv:1703.01785; Finn et al. 2017, arXiv:1703.03400). First
order: inner gradients are constants, ∂θ_k/∂θ_0 = 1 and ∂θ_k/∂w = 0.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from multiprot.errors import TrainingError
from multiprot.fusion.idle import zero_attached, zero_of
from multiprot.objectives.gather import mean_over_processes
from multiprot.training.settings import BilevelConfig
from multiprot.training.substitution import evaluate_with, refuse_recomputation

Loss = Callable[[], Tensor]
"""A scalar loss that reads the module's parameters where they are."""


@dataclass(frozen=True, slots=True)
class BilevelLoss:
    """The outer loss after the inner steps.

    Attributes
    ----------
    loss
        Scalar; its `backward()` leaves the gradient through the inner steps in `.grad`.
    adapted
        θ_k by name, without graph; for `keep_adapted`.
    inner_losses
        [inner step]: the inner loss before each step, without graph.
    """

    loss: Tensor
    adapted: dict[str, Tensor]
    inner_losses: Tensor


def trainable_names(module: nn.Module, part: str) -> tuple[str, ...]:
    """Names, within `module`, of the parameters of `part` that want a gradient.

    Parameters
    ----------
    module
        Of which `bilevel_loss` is to be taken.
    part
        Name of a submodule, as `get_submodule` takes it: "model.sequence".

    Raises
    ------
    TrainingError
        If nothing there learns.
    """
    within = {id(parameter) for parameter in module.get_submodule(part).parameters()}
    names = tuple(
        name
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and id(parameter) in within
    )
    if not names:
        raise TrainingError(
            f"{part}: none of its {len(within)} parameters learns, so it can take no inner steps; "
            "let a part of it learn, or name another part"
        )
    return names


def bilevel_loss(
    module: nn.Module, names: Collection[str], inner: Loss, outer: Loss, options: BilevelConfig
) -> BilevelLoss:
    """`outer`, read with the parameters that steps on `inner` lead to; `module` stays as it is.

    Every trainable parameter of `module` gets a gradient, a zero if need be. A parameter that
    `inner` does not reach takes no step. Parameters named that need no gradient take inner steps
    all the same, from where they are, and no gradient reaches them: so neither the optimizer nor
    DistributedDataParallel need know of them.

    With several processes the inner gradient is the mean over them. Both losses follow the rule of
    `multiprot.objectives.gather`: means over processes of their gradients are the joint gradients.

    Parameters
    ----------
    module
        Whose parameters the losses read: in a LightningModule, `self`. Its forward pass must not
        checkpoint activations; parameters must not be sharded (FSDP).
    names
        θ, as `module.named_parameters()` names it.
    inner
        Called once before each inner step, with θ_t in place. Buffers that it changes (running
        statistics) are changed for later inner steps only. What does not depend on θ may be
        computed once, outside.
    outer
        Called once, with θ_k in place.
    options
        Inner steps. Second order needs second derivatives of all operations on the way from θ to
        the inner loss: scaled-dot-product attention is computed without fused kernels there.

    Raises
    ------
    TrainingError
        If gradients are off, `names` are not parameters of `module`, a loss is no scalar, or the
        inner loss reaches none of `names`.
    """
    start = _parameters(module, names)
    refuse_recomputation(module)
    adapted, inner_losses = _descend(module, start, inner, options)
    loss = _scalar(evaluate_with(module, adapted, outer), "outer")
    return BilevelLoss(
        loss=loss + zero_of([module]) + zero_attached(adapted.values()),
        adapted={name: value.detach() for name, value in adapted.items()},
        inner_losses=inner_losses,
    )


@torch.no_grad()
def keep_adapted(module: nn.Module, adapted: Mapping[str, Tensor]) -> None:
    """Write θ_k into `module`, in place; after `backward()`, which still needs θ_0.

    Where an optimizer holds the same parameters, what it did to them is lost.
    """
    for name, value in adapted.items():
        module.get_parameter(name).copy_(value)


def _parameters(module: nn.Module, names: Collection[str]) -> dict[str, Tensor]:
    """θ_0 by name: the parameters themselves, or leaves of their own where they are frozen."""
    if not torch.is_grad_enabled():
        raise TrainingError(
            f"inner steps on {len(names)} parameters need gradients, which are off here; in "
            "validation call the outer loss itself"
        )
    known = dict(module.named_parameters())
    unknown = sorted(set(names) - set(known))
    if unknown or not names:
        raise TrainingError(
            f"{type(module).__name__} has no parameters named {unknown[:3]} for the inner steps; "
            "take names from its named_parameters(), at least one (of tied parameters: the first)"
        )
    return {
        name: known[name] if known[name].requires_grad else known[name].detach().requires_grad_()
        for name in dict.fromkeys(names)
    }


def _descend(
    module: nn.Module, theta: dict[str, Tensor], inner: Loss, options: BilevelConfig
) -> tuple[dict[str, Tensor], Tensor]:
    """θ_k, attached to what it came from, and the inner loss before each step."""
    # Else each inner step would count the batch once more in running statistics.
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    # Every gradient is to wait for the exchanges of inner gradients on the way back. Else, where
    # batches differ, those of DistributedDataParallel come before them in one process and behind
    # them in another.
    anchor = zero_attached([*module.parameters(), *theta.values()])
    losses = []
    for _ in range(options.steps):
        theta, loss = _step(module, theta, buffers, anchor, inner, options)
        losses.append(loss)
    return theta, torch.stack(losses)


def _step(
    module: nn.Module,
    theta: dict[str, Tensor],
    buffers: Mapping[str, Tensor],
    anchor: Tensor | float,
    inner: Loss,
    options: BilevelConfig,
) -> tuple[dict[str, Tensor], Tensor]:
    """θ_{t+1}, and the inner loss at θ_t without its graph, which in first order ends here."""
    second = options.order == "second"
    # Fused attention has no second derivative.
    with sdpa_kernel(SDPBackend.MATH) if second else nullcontext():
        loss = _scalar(evaluate_with(module, {**theta, **buffers}, inner), "inner")
    gradients = _gradients(loss, theta, anchor, second=second)
    stepped = {
        name: value.sub(gradient, alpha=options.learning_rate)
        for (name, value), gradient in zip(theta.items(), gradients, strict=True)
    }
    return stepped, loss.detach()


def _gradients(
    loss: Tensor, theta: Mapping[str, Tensor], anchor: Tensor | float, *, second: bool
) -> tuple[Tensor, ...]:
    """The joint inner gradient, with a graph if it is to be differentiated again."""
    values = list(theta.values())
    device = values[0].device
    found: tuple[Tensor | None, ...] = (None,) * len(values)
    if loss.requires_grad:
        # The graph has the casts that autocast made; derivatives are to make no more of them.
        with torch.autocast(device.type, enabled=False):
            found = torch.autograd.grad(loss, values, create_graph=second, allow_unused=True)
    reached = sum(gradient is not None for gradient in found)
    own = [
        value.new_zeros(()).expand_as(value) if gradient is None else gradient
        for gradient, value in zip(found, values, strict=True)
    ]
    count = torch.tensor(float(reached), device=device)
    with nullcontext() if second else torch.no_grad():
        *joint, reached_anywhere = mean_over_processes(
            [*own, count], torch.as_tensor(anchor, device=device)
        )
    # Only a process that reached nothing need wait for what the others say.
    if not reached and not reached_anywhere:
        raise TrainingError(
            f"the inner loss reaches none of the {len(theta)} parameters that are to take its "
            f"steps ({next(iter(theta))}, …); have it read them through the module, outside of "
            "torch.no_grad() and without detach()"
        )
    return tuple(joint)


def _scalar(loss: Tensor, which: str) -> Tensor:
    if loss.ndim:
        raise TrainingError(
            f"the {which} loss has the shape {list(loss.shape)}, but must be a scalar; take its "
            "mean or sum"
        )
    return loss
