"""Settings of a fine-tuning run. No torch, no lightning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from multiprot.config import Section


class FineTuneOptions(Section):
    """Everything, beside model and task, that decides the outcome of `multiprot finetune`."""

    mode: Literal["frozen", "lora", "full"] = "frozen"
    """What learns beside the head: nothing ("frozen"); low-rank adapters of the sequence encoder
    ("lora"); or all of the model ("full")."""
    epochs: PositiveInt = 20
    """Times that every training entry is seen, at most."""
    max_steps: PositiveInt | None = None
    """Optimizer steps at most; null: as many as the epochs have."""
    patience: PositiveInt = 5
    """Looks at the valid part without a better score, after which training ends."""
    validate_every: PositiveInt | None = None
    """Optimizer steps between two looks at the valid part; null: once an epoch."""
    valid_share: float = Field(default=0.1, gt=0.0, lt=1.0)
    """Share of the training entries held out for the valid part, where the task has none."""
    head_lr: float = Field(default=5e-3, gt=0.0, allow_inf_nan=False)
    """Highest learning rate of the head."""
    backbone_lr: float = Field(default=1e-4, gt=0.0, allow_inf_nan=False)
    """Highest learning rate of adapters, or of the model."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """After the warm-up, a tenth of all steps: a half cosine down to a twentieth, or level."""
    weight_decay: float = Field(default=0.01, ge=0.0, allow_inf_nan=False)
    """Decoupled decay of weight matrices."""
    gradient_clip: float = Field(default=1.0, gt=0.0, allow_inf_nan=False)
    """Largest joint norm of all gradients."""
    batch_entries: PositiveInt = 32
    """Entries in one batch at most."""
    batch_tokens: PositiveInt = 8192
    """Residues in one batch at most, padding included; a longer entry makes a batch of its own."""
    hidden: PositiveInt | None = None
    """Channels of a hidden layer of the head; null: the head is linear."""
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the head's inputs and hidden channels dropped in training."""
    class_weights: Literal["none", "balanced"] = "none"
    """"balanced": a class or label counts the more in the loss the rarer it is in training."""
    lora_rank: PositiveInt = 8
    """Rank of the update of each adapted matrix."""
    lora_alpha: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    """The update is scaled by this over the rank; null: twice the rank."""
    lora_dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of an adapter's inputs dropped in training."""
    long_proteins: Literal["window", "refuse"] = "window"
    """What to do with a protein longer than the model takes: overlapping windows, joined as in
    embedding, or an error that names it. It is never cut."""
    max_residues: PositiveInt | None = None
    """Longest protein, or window, in one piece; null: the model's own limit."""
    window_overlap: int = Field(default=64, ge=0)
    """Residues that neighbouring windows share at least."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Arithmetic of the model; its weights and the head stay in float32."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Decides the head's first weights, adapters, batches and dropout."""
    checkpoint_every: PositiveInt = 100
    """Optimizer steps between two checkpoints; one more is written at the end."""
    log_every: PositiveInt = 10
    """Optimizer steps between two rows of the log."""
