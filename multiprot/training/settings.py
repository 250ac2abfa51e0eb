"""Sections of a pretraining recipe that belong to training alone. No torch, no lightning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from multiprot.config import Section

Encoder = Literal["sequence", "structure", "go"]


class CardConfig(Section):
    """What only people know of a model; it goes into the model card as it is written here."""

    summary: str | None = None
    """One or two sentences at the head of the card."""
    licence: str | None = None
    """Under which licence the weights may be used."""
    sources: tuple[str, ...] | None = None
    """Where the training data come from, each with its licence."""
    limits: tuple[str, ...] | None = None
    """What the model is not good for."""


class LookaheadConfig(Section):
    """Slow weights that follow the optimizer's (Zhang et al. 2019, arXiv:1907.08610)."""

    steps: PositiveInt = 5
    """Optimizer steps after which the slow weights follow."""
    alpha: float = Field(default=0.5, gt=0.0, lt=1.0)
    """Share of the way that they go."""


class OptimizerConfig(Section):
    """What moves the weights, and the clipping of gradients."""

    name: Literal["adamw", "radam", "muon"] = "adamw"
    """AdamW; RAdam (Liu et al. 2020), whose first steps are short by themselves; or Muon (Jordan et
    al. 2024) for the matrices of the model's layers, which moves all directions of a matrix alike,
    with AdamW for embeddings, norms, biases and the objectives' own weights. Muon needs torch
    2.9."""
    peak_lr: PositiveFloat = 1e-3
    """Learning rate at the end of the warm-up; no unit."""
    encoder_lr: Mapping[Encoder, PositiveFloat] = Field(default_factory=dict)
    """Learning rate of an encoder as a multiple of all the others'; 1 where nothing is said. Below
    1 spares a pretrained encoder, above 1 hurries one that starts from scratch."""
    weight_decay: float = Field(default=0.01, ge=0.0)
    """Decoupled decay of weight matrices; biases, scales, norms and embeddings never decay."""
    betas: tuple[float, float] = (0.9, 0.98)
    """Decay rates of AdamW's and RAdam's two running moments, each in [0, 1)."""
    momentum: float = Field(default=0.95, ge=0.0, lt=1.0)
    """Of Muon alone: share of the old gradients kept at each step."""
    epsilon: PositiveFloat = 1e-8
    """Added to the root of the second moment."""
    lookahead: LookaheadConfig | None = None
    """Slow weights beside the optimizer's own; null: none. Needs pytorch-optimizer."""
    gradient_clip: PositiveFloat | None = 1.0
    """Largest joint norm of all gradients; null clips nothing."""

    @model_validator(mode="after")
    def _betas_are_rates(self) -> Self:
        if not all(0.0 <= beta < 1.0 for beta in self.betas):
            raise ValueError(f"betas must lie in [0, 1), not {list(self.betas)}")
        return self


class ScheduleConfig(Section):
    """How the learning rate moves over the run."""

    warmup_steps: int = Field(default=100, ge=0)
    """Optimizer steps in which the learning rate rises from almost nothing to its peak."""
    shape: Literal["cosine", "wsd", "constant"] = "cosine"
    """After the warm-up: a half cosine; level and then a straight fall ("wsd"); or level."""
    decay_share: float = Field(default=0.2, gt=0.0, le=1.0)
    """Share of the run's steps in which "wsd" falls; other shapes ignore it."""
    final_lr: float = Field(default=0.05, ge=0.0, le=1.0)
    """Learning rate at the last step, as a share of the peak; "constant" ignores it."""


class BilevelConfig(Section):
    """Steps that a part of the model takes on an inner loss before the outer loss is read.

    As in STEPS (Chen et al. 2023, Bioinformatics 39(4):btad189). The optimizer leaves that part
    alone.
    """

    objectives: tuple[str, ...] = Field(default=("mutual-information",), min_length=1)
    """Of the recipe's objectives those whose weighted sum is the inner loss; the others are the
    outer one. Their own weights (a critic's) learn from their own loss alone."""
    part: Literal["sequence", "structure"] = "sequence"
    """Whose encoder takes the steps: all of it that is not frozen."""
    steps: PositiveInt = 1
    """Inner steps before each outer one."""
    learning_rate: NonNegativeFloat = 1e-4
    """Learning rate of the inner steps, which are plain gradient descent; STEPS: a tenth of the
    outer one."""
    order: Literal["first", "second"] = "second"
    """Whether the outer gradient goes through the inner gradients ("second"), as in STEPS, or takes
    them as given ("first"), which is cheaper and teaches what only the inner loss reads nothing."""
    adapted: Literal["discard", "keep"] = "discard"
    """What becomes of the part that took the steps: it goes back to where it was ("discard"; the
    released code of STEPS), or stays where it came to ("keep"), so that inner and outer steps
    alternate. Of several batches per optimizer step (trainer.accumulate) each starts at the same
    place, and the mean of where they lead is kept."""


class AveragingConfig(Section):
    """Exponential moving average of the weights; validation and the bundle use it."""

    decay: float | None = Field(default=0.999, ge=0.0, lt=1.0)
    """Share of the old average kept at each optimizer step, at most (the first steps keep less);
    null turns averaging off."""


class TrainerConfig(Section):
    """How long, on what and how often."""

    max_steps: PositiveInt = 1000
    """Optimizer steps in all."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """Number format of the matrix products; weights and optimizer stay in 32 bits."""
    accumulate: PositiveInt = 1
    """Batches per optimizer step and process."""
    validate_every: PositiveInt = 200
    """Optimizer steps between two looks at the valid split."""
    validation_batches: PositiveInt = 20
    """Batches of each such look."""
    last_validation_batches: PositiveInt | None = None
    """Batches of the look after training; null takes the whole split, as a figure to report
    should."""
    checkpoint_every_steps: PositiveInt = 200
    """Optimizer steps between two checkpoints; one more is written at the end."""
    checkpoints_kept: PositiveInt = 2
    """How many of the newest checkpoints stay on disk."""
    log_every: PositiveInt = 10
    """Optimizer steps between two rows of the logs."""
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    """What to compute on; "auto" takes a GPU if there is one."""
    devices: PositiveInt | Literal["auto"] = 1
    """Processes per machine, one device each."""
    num_nodes: PositiveInt = 1
    """Machines."""
    strategy: str = "auto"
    """Lightning's name of the strategy, such as "ddp" or "fsdp"; "auto" means one process or
    "ddp"."""
    threads: PositiveInt | None = None
    """CPU threads of the matrix products in each process; null leaves torch's choice."""
