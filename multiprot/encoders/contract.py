"""The plugin boundary: what an encoder or an objective offers, and what it is given.

A plugin author needs nothing but this module and `multiprot.proteins`. It imports torch; the
declarations that must be readable without torch (`EncoderPlugin`, `ObjectivePlugin`,
`Capabilities`) live in `multiprot.encoders.plugin`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    Protocol,
    Self,
    TypeVar,
    runtime_checkable,
)

import torch
from torch import Tensor, nn

from multiprot.encoders.abilities import PartlyFrozen, ReadsSequenceTokens
from multiprot.encoders.batch import FusionOutputs, ProteinBatch
from multiprot.encoders.plugin import Modality
from multiprot.encoders.targets import (
    HIDDEN_TERM,
    NO_FOLD_STATE,
    NO_TERM,
    GeometryTargets,
    GoSet,
    GoTargets,
    SpanTargets,
    SpanVocabulary,
    Taught,
    TeacherFacts,
    Teachings,
)
from multiprot.errors import PluginError

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology
    from multiprot.proteins import ProteinRecord


class Layout(StrEnum):
    """How the proteins of a batch share one tensor."""

    PADDED = "padded"
    PACKED = "packed"


@runtime_checkable
class Features(Protocol):
    """What a featurizer returns: the encoder's own input, ready to be moved to a device."""

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        """The same features on `device`."""
        ...

    def pin_memory(self) -> Self:
        """The same features in page-locked memory."""
        ...


@runtime_checkable
class MaskableFeatures(Features, Protocol):
    """Features whose residues can be hidden from the encoder, as masked-residue objectives need."""

    def mask_residues(self, masked: Tensor, substitutes: Tensor) -> Self:
        """Hide or replace residues; the original is left untouched.

        Parameters
        ----------
        masked
            bool [protein, residue] in the padded layout, whatever the features' own layout is;
            True where the residue's identity must not be seen.
        substitutes
            int64 [protein, residue]; where `masked` is True and this is ≥ 0, the residue
            index (position in `RESIDUE_LETTERS`) shown instead of the mask.
        """
        ...


@runtime_checkable
class HideableGeometry(Features, Protocol):
    """Features whose residues' own geometry can be hidden from a structure encoder."""

    def hide_geometry(self, hidden: Tensor) -> Self:
        """Hide what is told of single residues, such as their dihedrals; original left untouched.

        Parameters
        ----------
        hidden
            bool [protein, residue] in the padded layout, as in `MaskableFeatures`.
        """
        ...


__all__ = [
    "HIDDEN_TERM",
    "NO_FOLD_STATE",
    "NO_TERM",
    "Features",
    "Featurizer",
    "FusionOutputs",
    "GeometryTargets",
    "GoEncoder",
    "GoSet",
    "GoTargets",
    "HideableGeometry",
    "Layout",
    "MaskableFeatures",
    "Objective",
    "ObjectiveContext",
    "ObjectiveResult",
    "PackedTokens",
    "PartlyFrozen",
    "ProteinBatch",
    "ReadsSequenceTokens",
    "ResidueEncoder",
    "ResidueTokens",
    "SpanTargets",
    "SpanVocabulary",
    "Taught",
    "TeacherFacts",
    "Teachings",
    "refuse_rebinding",
]

FeaturesT = TypeVar("FeaturesT", bound=Features)
FeaturesT_co = TypeVar("FeaturesT_co", bound=Features, covariant=True)


class Featurizer(Protocol[FeaturesT_co]):
    """Records to features, on the CPU, in loader workers: picklable and without parameters."""

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> FeaturesT_co:
        """Features of `records`, row by row; raises `DataError` rather than truncate."""
        ...


@dataclass(frozen=True, slots=True)
class ResidueTokens:
    """Padded residue tokens: row r is residue r of `record.sequence`; no special tokens.

    Attributes
    ----------
    values
        [protein, residue, channel].
    mask
        bool [protein, residue]; False at padding and at unresolved residues.
    """

    values: Tensor
    mask: Tensor


@dataclass(frozen=True, slots=True)
class PackedTokens:
    """Residue tokens of several proteins one after another, without padding.

    Attributes
    ----------
    values
        [token, channel].
    mask
        bool [token]; False at unresolved residues.
    offsets
        int32 [protein + 1], cumulative lengths, beginning with 0.
    """

    values: Tensor
    mask: Tensor
    offsets: Tensor


class ResidueEncoder(nn.Module, ABC, Generic[FeaturesT]):
    """A sequence or structure encoder: features in, one token per residue out.

    Shape law: `forward` returns [protein, longest protein, `token_dim`] for padded features and
    [residues in all, `token_dim`] for packed ones.
    """

    token_dim: int
    featurizer: Featurizer[FeaturesT]
    portable_options: Mapping[str, Any] | None = None
    """What a saved model records where the encoder's own options name files (a checkpoint)."""
    trained_on: Path | None = None
    """File of hashes of the sequences that its weights were trained on, where that is known; as
    `multiprot.bundle.TrainingSequences` writes it."""
    adapter_names: frozenset[str] = frozenset()
    """Entries of `state_dict` that are adapters beside a frozen base; a bundle keeps them apart."""

    @abstractmethod
    def forward(self, features: FeaturesT) -> ResidueTokens | PackedTokens:
        """Tokens in the layout of `features`."""


class GoEncoder(nn.Module, ABC):
    """Vectors for GO terms.

    Attributes
    ----------
    term_dim
        Channels of a term vector.
    ontology
        The release it is bound to, set by `bind`; None before.
    portable_options
        As in `ResidueEncoder`.
    """

    term_dim: int
    ontology: GeneOntology | None = None
    portable_options: Mapping[str, Any] | None = None

    @abstractmethod
    def bind(self, ontology: GeneOntology) -> None:
        """Fix the ontology; called once, before any optimizer exists.

        Raises
        ------
        PluginError
            If the encoder is already bound to another release.
        """

    @abstractmethod
    def forward(self, terms: Tensor) -> Tensor:
        """Vectors [term, `term_dim`] of `terms`, int64 [term], rows of `GeneOntology.term_ids`."""

    def of_ids(self, term_ids: Sequence[str]) -> Tensor:
        """Vectors [term, `term_dim`] of terms by their ids; the ids must be live.

        Raises
        ------
        PluginError
            If no ontology is bound.
        ObsoleteTermError
            If an id is obsolete or merged; names its replacement.
        UnknownTermError
            If an id is not in the bound release.
        """
        if self.ontology is None:
            raise PluginError(f"{type(self).__name__} has no ontology yet; call bind first")
        rows = [self.ontology.live_row(term_id) for term_id in term_ids]
        device = next((p.device for p in self.parameters()), None)
        vectors: Tensor = self(torch.tensor(rows, dtype=torch.int64, device=device))
        return vectors


def refuse_rebinding(bound: GeneOntology, other: GeneOntology, encoder: str) -> None:
    """Raise `PluginError`, naming both, unless two releases have the same content.

    For an encoder's `bind`, called when it is bound already.
    """
    if bound.content_hash != other.content_hash:
        raise PluginError(
            f"{encoder} is bound to GO release {bound.release} ({bound.content_hash[:12]}) and "
            f"cannot be bound to {other.release} ({other.content_hash[:12]}); build another encoder"
        )


@dataclass(frozen=True, slots=True)
class ObjectiveContext:
    """Widths and objects an objective is built with.

    Attributes
    ----------
    width
        Channels of fused, sequence and structure tokens and of the protein vector.
    shared_dim
        Channels of the space shared with GO.
    ontology
        The bound ontology, or None where the model has no GO encoder.
    term_frequencies
        float32 [term of the ontology]: share of annotated train proteins for which the term is
        true (propagated), or None where the corpus has no GO.
    residue_frequencies
        float32 [letter of `RESIDUE_LETTERS`]: share of each letter in the train proteins.
    go_width
        Channels of `FusionOutputs.go_tokens`, or None where the model reads no GO terms.
    go_set_counts
        int64 [term of the ontology]: train proteins in whose `GoSet` the term is, or None as above.
    spans
        Which spans the train proteins have, or None where they have none.
    teachers
        Whom a student learns from, by name; empty where there is no teacher.
    """

    width: int
    shared_dim: int
    ontology: GeneOntology | None = None
    term_frequencies: Tensor | None = None
    residue_frequencies: Tensor | None = None
    go_width: int | None = None
    go_set_counts: Tensor | None = None
    spans: SpanVocabulary | None = None
    teachers: Mapping[str, TeacherFacts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObjectiveResult:
    """One objective's outcome on one batch.

    Attributes
    ----------
    loss
        Scalar. Zero, but attached to the graph, where the batch has nothing for this objective.
    weight
        Scalar: how many items (residues, proteins) the loss is a mean of; 0 if none. Used to
        average over batches.
    metrics
        Named scalars, means over the same items.
    """

    loss: Tensor
    weight: Tensor
    metrics: Mapping[str, Tensor] = field(default_factory=dict)


class Objective(nn.Module, ABC):
    """One loss; it owns its heads and is built from its own config section."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[Modality | Literal["spans", "geometry", "fold-states", "teachers"]]]
    hides_residues: ClassVar[bool] = True
    """Whether `corrupt` may hide amino acids; False where it hides nothing, or other things."""

    def corrupt(self, batch: ProteinBatch, rng: torch.Generator) -> ProteinBatch:
        """The batch as the model shall see it, with parts hidden; identity by default.

        `rng` lives on the CPU and decides everything that is random.
        """
        return batch

    @abstractmethod
    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        """The loss of `outputs` on the (corrupted) `batch`."""
