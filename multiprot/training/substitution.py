"""A module's own code, run for a moment with other tensors in the place of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torch.func import functional_call

from multiprot.errors import TrainingError


def evaluate_with(
    module: nn.Module, tensors: Mapping[str, Tensor], function: Callable[[], Tensor]
) -> Tensor:
    """What `function` gives while `tensors` stand in `module`, whichever part of it is called.

    Parameters
    ----------
    module
        As it was again afterwards, also after an error. Tied parameters are replaced together.
    tensors
        By the names that `named_parameters` and `named_buffers` of `module` give.
    function
        Reads the module's parameters where they are, as any method of the module does.
    """
    replaced = {f"module.{name}": tensor for name, tensor in tensors.items()}
    result: Tensor = functional_call(_Evaluation(module, function), replaced, ())
    return result


def refuse_recomputation(module: nn.Module) -> None:
    """Stop if activations of `module` are to be computed again in the backward pass.

    That would happen when the module's own parameters are back in their place, and the gradient
    would be wrong without a word. Known by the attribute that transformers sets; who calls
    `torch.utils.checkpoint` directly must know it himself.

    Raises
    ------
    TrainingError
        If a part of it checkpoints activations.
    """
    for name, part in module.named_modules():
        if getattr(part, "gradient_checkpointing", False) is True:
            raise TrainingError(
                f"{name or type(part).__name__} checkpoints activations, which would be computed "
                "again with the parameters from before the inner steps; call its "
                "gradient_checkpointing_disable()"
            )


class _Evaluation(nn.Module):
    """`functional_call` replaces tensors for the length of a module's forward; this is its shell.

    So a function may call any parts of `module`, not only its forward.
    """

    def __init__(self, module: nn.Module, function: Callable[[], Tensor]) -> None:
        super().__init__()
        self.module = module
        self.function = function

    def forward(self) -> Tensor:
        return self.function()
