"""Options of the objectives that distill teachers. No torch here."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from multiprot.config import Section

StructurePart = Literal["fold-state", "dihedral", "pairwise-distance"]
WeightingName = Literal["uniform", "sum", "uncertainty", "selector"]


class UncertaintyConfig(Section):
    """Teachers weighted by how far the student is from each: learned variances."""

    bound: float = Field(default=5.0, gt=0, le=20)
    """A log variance stays between minus and plus this: with 5, weights between 1/148 and 148."""


class SelectorConfig(Section):
    """A policy that selects one teacher for each protein."""

    hidden: int = Field(default=64, ge=1)
    """Channels of the policy's hidden layer."""
    entropy: float = Field(default=0.01, ge=0)
    """Weight of the policy's entropy, in nats: how strongly it is kept from always selecting the
    same teacher."""
    memory: float = Field(default=0.99, ge=0, lt=1)
    """How much of the running mean and deviation of rewards is left after a step: with 0.99 they
    are those of about 100 steps."""


class DistillationConfig(Section):
    """What all objectives of distillation have in common."""

    teachers: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Names of the teachers to learn from; null: all that have what the objective asks for."""
    prefixes: tuple[PositiveInt, ...] = ()
    """Numbers of channels: the loss is also taken of the first so many channels of the student,
    so that a vector may be cut there (Matryoshka). The whole vector always counts; all alike."""
    weighting: WeightingName = "uniform"
    """Among the teachers that know a protein: "uniform": their mean; "sum": their sum, as MTDP
    released it; "uncertainty": by learned variances; "selector": one of them, which a policy
    selects, as in MTDP's figure."""
    uncertainty: UncertaintyConfig = Field(default_factory=UncertaintyConfig)
    """`bound` of the log variances, for `weighting: uncertainty`."""
    selector: SelectorConfig = Field(default_factory=SelectorConfig)
    """`hidden`, `entropy` and `memory` of the policy, for `weighting: selector`."""

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        for key, given in {"teachers": self.teachers or (), "prefixes": self.prefixes}.items():
            if len(set(given)) < len(given):
                told = ", ".join(str(each) for each in given)
                raise ValueError(f"{key} {told}: name each once")
        return self


class HeadConfig(DistillationConfig):
    """The same, with a head for each teacher that leads from the student's width to its own."""

    head: Literal["linear", "mlp"] = "linear"
    """"linear": one map, as MTDP has it; "mlp": two with a GELU between them, over as many channels
    as the wider of student and teacher has."""


class KlConfig(HeadConfig):
    """Divergence of the softmax over channels."""

    temperature: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Channels are divided by it before the softmax, and the loss is multiplied by its square."""
    standardised: bool = False
    """Of the teacher's channels in units of their deviation over the train proteins, instead of the
    raw ones, of which the largest channels decide all."""


class CosineConfig(HeadConfig):
    """1 − cosine."""

    centred: bool = True
    """Subtract the teacher's mean over the train proteins first: raw vectors of language models
    mostly point where their mean does, and so would an answer that knows nothing."""


class HuberConfig(HeadConfig):
    """Huber loss of standardised channels."""

    delta: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Standard deviations up to which an error counts by its square."""


class RelationsConfig(DistillationConfig):
    """How similar a protein is to each of the others."""

    temperature: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    """Cosines are divided by it before the softmax."""


class NeighboursConfig(DistillationConfig):
    """Which of the others are nearest to a protein."""

    neighbours: int = Field(default=10, ge=1)
    """How many of the nearest; at most all of the others but one."""
    temperature: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    """The student's cosines are divided by it."""


class TokensConfig(HeadConfig):
    """Residue by residue."""

    loss: Literal["huber", "cosine"] = "huber"
    """Of standardised channels: "huber": Huber loss; "cosine": 1 − cosine."""
    delta: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Standard deviations up to which an error counts by its square, for `loss: huber`."""


class GoConfig(HeadConfig):
    """Which GO terms a protein is close to."""

    temperature: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    """Cosines with terms are divided by it before the softmax over terms."""


class StructureConfig(DistillationConfig):
    """What the teacher's heads read of structure off its tokens."""

    parts: tuple[StructurePart, ...] | None = Field(default=None, min_length=1)
    """Which of the teacher's heads: 3Di states, backbone dihedrals, distances of residue pairs;
    null: all that it has."""
    temperature: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Logits of states and distances are divided by it before the softmax, and their losses are
    multiplied by its square."""
    separations: tuple[PositiveInt, ...] = Field(
        default=(2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384), min_length=1
    )
    """How many residues apart along the chain the two of a pair are whose distance is guessed."""
    every: int = Field(default=4, ge=1)
    """Of the pairs of a separation, every so many-th along the chain is taken; 1: all of them."""

    @model_validator(mode="after")
    def _pairs_each_once(self) -> Self:
        if len(set(self.separations)) < len(self.separations):
            told = ", ".join(str(each) for each in self.separations)
            raise ValueError(f"separations {told}: name each once")
        return self
