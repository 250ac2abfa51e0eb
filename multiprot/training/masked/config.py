"""The recipe of a student's pretraining. No torch, no lightning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from multiprot.config import Section
from multiprot.objectives.configs import MaskedResidueConfig
from multiprot.student.config import StudentConfig
from multiprot.training.settings import (
    AveragingConfig,
    CardConfig,
    OptimizerConfig,
    ScheduleConfig,
    TrainerConfig,
)


class PackedBatchConfig(Section):
    """What goes into one batch; there is no padding."""

    tokens_per_batch: Annotated[int, Field(ge=1)] = 8192
    """Residues of every batch and process, exactly."""
    crop_residues: Annotated[int, Field(ge=1)] | None = 512
    """A longer protein is cropped to this many residues, at a place drawn anew in each epoch;
    null: never."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Processes that prepare batches; 0: the main process does. Batches do not depend on it."""


class MaskedConfig(Section):
    """Everything that decides the outcome of a student's pretraining."""

    kind: Literal["masked-sequence"] = "masked-sequence"
    """What kind of recipe this is."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = "masked-sequence"
    """Name of the recipe; the run's folder is runs/<name> unless --out says otherwise."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Decides weights, batches and what is hidden."""
    sequences: Path
    """Folder that `multiprot data sequences` wrote, relative to the working directory."""
    model: StudentConfig = StudentConfig()
    """Shape of the student."""
    masking: MaskedResidueConfig = MaskedResidueConfig()
    """Which residues are hidden, and behind what; there is no structure to guess them from. On the
    valid split all of them are behind the mask."""
    batch: PackedBatchConfig = PackedBatchConfig()
    """What goes into one batch."""
    optimizer: OptimizerConfig = OptimizerConfig()
    """How weights follow gradients."""
    schedule: ScheduleConfig = ScheduleConfig()
    """How the learning rate moves."""
    averaging: AveragingConfig = AveragingConfig()
    """Average of the weights over the last steps."""
    trainer: TrainerConfig = TrainerConfig()
    """How long, on what and how often."""
    card: CardConfig = CardConfig()
    """Words for the model card."""

    @model_validator(mode="after")
    def _nothing_but_sequences(self) -> Self:
        if self.masking.from_structure:
            raise ValueError("masking.from_structure is for recipes with structures; leave it out")
        if self.optimizer.encoder_lr:
            raise ValueError(
                "optimizer.encoder_lr is for recipes of several encoders; leave it out"
            )
        return self
