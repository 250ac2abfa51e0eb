"""One training step in which an encoder takes inner steps first: `bilevel` in a recipe.

θ is what learns of the encoder, ψ the inner objectives' own weights (a critic), w all the others.

  θ, without optimizer      θ_k = θ_0 and k steps on L_in(θ, w, ψ), taken back or kept
  w, by the optimizer       ∂ L_out(θ_k(w), w) / ∂w
  ψ, by the optimizer       ∂ L_in(θ_k, w, ψ) / ∂ψ, with θ_k and w as they are

A critic is there to tell how much one modality says of the other, and learns nothing else, as in
STEPS (Chen et al. 2023, Bioinformatics 39(4):btad189): through the inner steps the outer loss would
make it say whatever moves θ to where the outer loss is lower, which may be the contrary. So L_in
has ψ as a constant within the steps. Its own loss is read at θ_k, from the outputs that the outer
loss has needed anyway, and not at θ_0, which would cost another forward pass of the whole model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from multiprot.fusion.attachment import attached, detached
from multiprot.fusion.idle import zero_attached
from multiprot.objectives import TotalObjective, TotalResult
from multiprot.training.bilevel import (
    BilevelLoss,
    Loss,
    bilevel_loss,
    keep_adapted,
    trainable_names,
)
from multiprot.training.module import PretrainModule
from multiprot.training.settings import BilevelConfig, OptimizerConfig, ScheduleConfig
from multiprot.training.substitution import evaluate_with


class BilevelModule(PretrainModule):
    """As its parent, but for inner steps before each outer loss. Validation takes none.

    The encoder's parameters want no gradient from now on: neither the optimizer nor
    DistributedDataParallel is to know of them.

    Parameters
    ----------
    model, objectives
        As in the parent.
    bilevel
        Which objectives are inner ones, which encoder takes the steps, and how.
    seed, optimizer, schedule, max_steps
        As in the parent.

    Raises
    ------
    TrainingError
        If nothing of that encoder learns.
    """

    objectives: TotalObjective

    def __init__(
        self,
        model: nn.Module,
        objectives: TotalObjective,
        bilevel: BilevelConfig,
        *,
        seed: int,
        optimizer: OptimizerConfig,
        schedule: ScheduleConfig,
        max_steps: int,
    ) -> None:
        super().__init__(
            model,
            objectives,
            seed=seed,
            optimizer=optimizer,
            schedule=schedule,
            max_steps=max_steps,
        )
        self._bilevel = bilevel
        self._outer = tuple(name for name in objectives.weights if name not in bilevel.objectives)
        self._stepping = trainable_names(self, f"model.{bilevel.part}")
        for name in self._stepping:
            self.get_parameter(name).requires_grad_(False)
        if bilevel.adapted == "keep":
            self.moved_apart = self._stepping
        self._led_to: dict[str, Tensor] = {}
        self._descents = 0

    @property
    def reported_weights(self) -> Mapping[str, float]:
        """Those of the outer objectives."""
        return {name: self.objectives.weights[name] for name in self._outer}

    def train_losses(self, batch: Any) -> TotalResult:
        """Outer losses after the inner steps, and beside them the inner objectives' own."""
        found: dict[str, TotalResult] = {}

        def outer() -> Tensor:
            outputs = self.model(batch)
            found["outer"] = self.objectives.some(self._outer, outputs, batch)
            found["inner"] = self.objectives.some(
                self._bilevel.objectives, detached(outputs), batch
            )
            return found["outer"].loss + found["inner"].loss

        inner = self._inner_loss(batch)
        bilevel = bilevel_loss(self, self._stepping, inner, outer, self._bilevel)
        if self.moved_apart:
            self._remember(bilevel.adapted)
        inner_results = found["inner"].results
        self._count_steps(bilevel, [result.weight for result in inner_results.values()])
        return TotalResult(bilevel.loss, {**found["outer"].results, **inner_results})

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """As in Lightning, but gradients stop where nothing learns.

        Else those of θ_0 would be computed, too, second derivatives among them: a quarter of the
        step, for tensors that nobody reads.
        """
        learning = [parameter for parameter in self.parameters() if parameter.requires_grad]
        super().backward(loss, *args, inputs=learning, **kwargs)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """As the parent; then the inner steps are kept, if they are to be.

        Here all backward passes of the step are done, which needed θ_0, nothing was found to be no
        number, and no callback has averaged or saved the weights of this step.
        """
        super().configure_gradient_clipping(optimizer, gradient_clip_val, gradient_clip_algorithm)
        keep_adapted(self, {name: place / self._descents for name, place in self._led_to.items()})
        self._led_to, self._descents = {}, 0

    def _inner_loss(self, batch: Any) -> Loss:
        """L_in where θ stands; each call has the same ψ, without gradient, and queue."""
        parameters = {name: p.detach() for name, p in self.objectives.named_parameters()}
        buffers = dict(self.objectives.named_buffers())

        def inner() -> Tensor:
            own = {name: buffer.clone() for name, buffer in buffers.items()}
            return evaluate_with(self.objectives, {**parameters, **own}, loss)

        def loss() -> Tensor:
            encoder = self.model.get_submodule(self._bilevel.part)
            outputs = attached(self.model(batch), zero_attached(encoder.parameters()))
            return self.objectives.some(self._bilevel.objectives, outputs, batch).loss

        return inner

    def _remember(self, adapted: Mapping[str, Tensor]) -> None:
        """Add to the sum of where the batches of this optimizer step led."""
        for name, place in adapted.items():
            before = self._led_to.get(name)
            self._led_to[name] = place if before is None else before + place
        self._descents += 1

    def _count_steps(self, bilevel: BilevelLoss, weights: list[Tensor]) -> None:
        """Into the log: the inner loss before each inner step, and how far the steps led."""
        losses = bilevel.inner_losses.unbind()
        values = {f"inner_step_{n}/loss": loss for n, loss in enumerate(losses, start=1)}
        gone = [value - self.get_parameter(name) for name, value in bilevel.adapted.items()]
        length = torch.stack([part.detach().square().sum() for part in gone]).sum().sqrt()
        self._means.add({**values, "inner_steps/length": length}, torch.stack(weights).sum())
