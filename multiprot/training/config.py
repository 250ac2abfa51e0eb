"""The recipe of a pretraining run. No torch, no lightning."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from multiprot.config import Section
from multiprot.data.batch_config import BatchConfig
from multiprot.data.token_cache.config import TokenCacheConfig
from multiprot.encoders.section import ObjectiveSection
from multiprot.fusion.config import ModelConfig
from multiprot.training.settings import (
    AveragingConfig,
    BilevelConfig,
    CardConfig,
    Encoder,
    OptimizerConfig,
    ScheduleConfig,
    TrainerConfig,
)
from multiprot.training.teachers.config import TeacherConfig, by_name


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
    teachers: Mapping[str, TeacherConfig] = Field(default_factory=dict)
    """Whom the model learns from, by name, beside its corpus; a list of stores is named by their
    folders. The objectives that begin with "distill" compare it with them."""
    objectives: Annotated[tuple[ObjectiveSection, ...], Field(min_length=1)]
    """Losses and their weights."""
    bilevel: BilevelConfig | None = None
    """Inner steps of an encoder on some of the objectives, which the others see through; null: all
    objectives are one loss, and the optimizer moves every encoder that learns."""
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

    @field_validator("teachers", mode="before")
    @classmethod
    def _teachers_by_name(cls, given: Any) -> Any:
        return by_name(given)

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
    def _inner_steps_are_possible(self) -> Self:
        if self.bilevel is not None:
            self._refuse_inner_objectives(self.bilevel.objectives)
            self._refuse_inner_part(self.bilevel.part)
        return self

    def _refuse_inner_objectives(self, inner: tuple[str, ...]) -> None:
        weights = {objective.name: objective.weight for objective in self.objectives}
        if unknown := [name for name in inner if name not in weights]:
            raise ValueError(
                f"bilevel.objectives: {unknown[0]!r} is none of the recipe's objectives "
                f"({', '.join(weights)}); add it to them, or set bilevel to null"
            )
        if idle := [name for name in inner if not weights[name]]:
            raise ValueError(
                f"bilevel.objectives: {idle[0]!r} has weight 0 and leads nowhere; give it a weight"
            )
        if not any(weight for name, weight in weights.items() if name not in inner):
            raise ValueError(
                f"bilevel.objectives: beside {', '.join(inner)} no objective with a weight is left "
                "for the outer loss; add one, or set bilevel to null"
            )

    def _refuse_inner_part(self, part: Encoder) -> None:
        if getattr(self.model, part) is None:
            raise ValueError(
                f"bilevel.part: the model has no {part} encoder; choose one in model.{part}, name "
                "the other, or set bilevel to null"
            )
        if part in self.optimizer.encoder_lr:
            raise ValueError(
                f"optimizer.encoder_lr.{part}: with bilevel the {part} encoder moves by inner "
                "steps alone; leave it out, and set bilevel.learning_rate"
            )
        if any(name in self.trainer.strategy for name in ("fsdp", "deepspeed")):
            raise ValueError(
                f"trainer.strategy {self.trainer.strategy!r} shards parameters, and inner steps "
                "need them whole; set it to ddp, or bilevel to null"
            )

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [objective.name for objective in self.objectives]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"objectives: {', '.join(repeated)} occurs more than once")
        return self
