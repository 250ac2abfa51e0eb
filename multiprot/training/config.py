"""The recipe of a pretraining run. No torch, no lightning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from multiprot.config import Section
from multiprot.data.batch_config import BatchConfig
from multiprot.data.token_cache.config import TokenCacheConfig
from multiprot.encoders.section import ObjectiveSection
from multiprot.fusion.config import ModelConfig
from multiprot.training.settings import (
    AveragingConfig,
    CardConfig,
    OptimizerConfig,
    ScheduleConfig,
    TrainerConfig,
)


class SyntheticConfig(Section):
    """A corpus of invented families, generated into the run's folder."""

    families: Annotated[int, Field(ge=1)] = 16
    """Protein families."""
    proteins_per_family: Annotated[int, Field(ge=3)] = 25
    """Members of each family; a tenth goes to the valid split and a tenth to the test split."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Decides everything about the corpus."""
    with_structure: Annotated[float, Field(ge=0.0, le=1.0)] = 0.8
    """Share of the proteins that bear a structure."""
    with_go: Annotated[float, Field(ge=0.0, le=1.0)] = 0.85
    """Share of the proteins that bear annotation."""


class CorpusConfig(Section):
    """Where the proteins come from: exactly one of the two."""

    path: Path | None = None
    """Folder that `multiprot data build` wrote, relative to the working directory."""
    synthetic: SyntheticConfig | None = None
    """Options of a corpus that is generated into the run's folder."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.path is None) == (self.synthetic is None):
            raise ValueError("give either path or synthetic, and null for the other")
        return self


class PretrainConfig(Section):
    """Everything that decides the outcome of `multiprot pretrain`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = "pretrain"
    """Name of the recipe; the run's folder is runs/<name> unless --out says otherwise."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Decides weights, batches, corruption and dropout."""
    corpus: CorpusConfig
    """Proteins to learn from."""
    model: ModelConfig
    """Encoders and how they are fused."""
    objectives: Annotated[tuple[ObjectiveSection, ...], Field(min_length=1)]
    """Losses and their weights."""
    batch: BatchConfig = BatchConfig()
    """What goes into one batch."""
    optimizer: OptimizerConfig = OptimizerConfig()
    """How weights follow gradients."""
    schedule: ScheduleConfig = ScheduleConfig()
    """How the learning rate moves."""
    averaging: AveragingConfig = AveragingConfig()
    """Average of the weights over the last steps."""
    trainer: TrainerConfig = TrainerConfig()
    """How long, on what and how often."""
    token_cache: TokenCacheConfig | None = None
    """Tokens of frozen encoders from disk instead of from the encoders; null: encode at each
    step."""
    card: CardConfig = CardConfig()
    """Words for the model card."""

    @model_validator(mode="after")
    def _crops_have_positions(self) -> Self:
        stack, crop = self.model.fusion.sequence_stack, self.batch.crop_residues
        if stack is not None and (crop is None or crop > stack.positions):
            raise ValueError(
                f"batch.crop_residues {crop} for model.fusion.sequence_stack.positions "
                f"{stack.positions}; crop to as many residues at most, or learn more positions"
            )
        return self

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [objective.name for objective in self.objectives]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"objectives: {', '.join(repeated)} occurs more than once")
        return self
