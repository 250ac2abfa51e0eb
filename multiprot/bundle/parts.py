"""Parts of a bundle in memory: its config file, trained objectives, GO readout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from torch import Tensor, nn

from multiprot.bundle.prediction import PredictionHead
from multiprot.bundle.trained_on import TrainingSequences
from multiprot.config import ResolvedConfig, Section
from multiprot.encoders.contract import ObjectiveContext
from multiprot.encoders.plugin import Modality
from multiprot.encoders.registry import Registry
from multiprot.encoders.section import EncoderSection, ObjectiveSection
from multiprot.errors import BundleError
from multiprot.fusion import ModelConfig

_MODALITIES: Final = (Modality.SEQUENCE, Modality.STRUCTURE, Modality.GO)


class BundleConfig(Section):
    """Content of config.yaml."""

    model: ModelConfig
    """Encoders and fusion."""
    objectives: tuple[ObjectiveSection, ...] = ()
    """What it was trained with, in the order of the heads."""

    def to_yaml(self) -> str:
        """The text of the file."""
        return ResolvedConfig(self, {}).to_yaml(origins=False)

    def encoders(self) -> dict[Modality, EncoderSection]:
        """The encoders that the model has."""
        sections = {modality: getattr(self.model, modality.value) for modality in _MODALITIES}
        return {modality: section for modality, section in sections.items() if section is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedObjectives:
    """Objectives with their state, so that evaluation and further training can go on from it.

    Attributes
    ----------
    sections
        How to build them.
    module
        The trained module; its state is saved.
    context
        What they were built with.
    """

    sections: Sequence[ObjectiveSection]
    module: nn.Module
    context: ObjectiveContext


@dataclass(frozen=True, slots=True, kw_only=True)
class TermReadout:
    """Calibration that turns a cosine in the shared space into a probability of a GO term.

    The logit of term t for a protein is `scale[t] * cosine + bias[t]`.

    Attributes
    ----------
    term_ids
        GO ids of the axis [term].
    log_prior
        float32 [term]: log of the share of annotated train proteins that have the term.
    scale, bias
        float32 [term].
    """

    term_ids: tuple[str, ...]
    log_prior: Tensor
    scale: Tensor
    bias: Tensor

    def __post_init__(self) -> None:
        for name in ("log_prior", "scale", "bias"):
            shape = tuple(getattr(self, name).shape)
            if shape != (len(self.term_ids),):
                raise BundleError(
                    f"term readout: {name} has shape {shape} for {len(self.term_ids)} terms; one "
                    "number per term is needed"
                )

    def probabilities(self, cosines: Tensor) -> Tensor:
        """Probabilities [protein, term] from cosines [protein, term], terms as in `term_ids`."""
        return (self.scale * cosines + self.bias).sigmoid()


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleExtras:
    """Optional parts of a bundle.

    Attributes
    ----------
    objectives
        The trained objectives.
    readout
        Calibrated GO readout.
    trained_on
        What the model learnt from.
    prediction
        Head that predicts what a task asks for.
    registry
        Where plugins are looked up; None: those that are installed.
    """

    objectives: TrainedObjectives | None = None
    readout: TermReadout | None = None
    trained_on: TrainingSequences | None = None
    prediction: PredictionHead | None = None
    registry: Registry | None = None
