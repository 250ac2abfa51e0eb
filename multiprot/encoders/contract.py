"""The plugin boundary: what an encoder or an objective offers, and what it is given.

A plugin author needs nothing but this module and `multiprot.proteins`. It imports torch; the
declarations that must be readable without torch (`EncoderPlugin`, `ObjectivePlugin`,
`Capabilities`) live in `multiprot.encoders.plugin`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
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

from multiprot.encoders.plugin import Modality

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
    adapter_names: frozenset[str] = frozenset()
    """Entries of `state_dict` that are adapters beside a frozen base; a bundle keeps them apart."""

    @abstractmethod
    def forward(self, features: FeaturesT) -> ResidueTokens | PackedTokens:
        """Tokens in the layout of `features`."""


class GoEncoder(nn.Module, ABC):
    """Vectors for GO terms."""

    term_dim: int
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


@dataclass(frozen=True, slots=True)
class GoTargets:
    """GO terms of a batch, propagated along the true path.

    Attributes
    ----------
    terms
        int64 [term]: candidate terms as rows of `GeneOntology.term_ids`, ascending, unique.
    namespaces
        int64 [term]: index of each candidate's namespace in `multiprot.ontology.Namespace`.
    positive
        bool [protein, term]: the term is true of the protein.
    known
        bool [protein, namespace]: the protein has annotation in that namespace. Where it has none,
        the absence of a term says nothing and no term of that namespace may be its negative.
    """

    terms: Tensor
    namespaces: Tensor
    positive: Tensor
    known: Tensor

    @property
    def negative(self) -> Tensor:
        """bool [protein, term]: the term may serve as a negative of the protein."""
        return ~self.positive & self.known[:, self.namespaces]

    def to(self, device: torch.device, non_blocking: bool = False) -> GoTargets:
        """The same targets on `device`."""
        return self._map(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> GoTargets:
        """The same targets in page-locked memory."""
        return self._map(lambda part: part.pin_memory())

    def _map(self, move: Callable[[Tensor], Tensor]) -> GoTargets:
        return GoTargets(*(move(getattr(self, part.name)) for part in fields(self)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProteinBatch:
    """What one step sees. A modality that no protein has is None; one that some lack is masked.

    Attributes
    ----------
    ids
        Record ids, one per protein.
    residues
        int64 [protein, residue]: index in `RESIDUE_LETTERS`; -1 at padding. These are targets:
        corruption leaves them as they are.
    residue_mask
        bool [protein, residue]; False at padding.
    sequence, structure
        The encoders' own features, or None where the model has no such encoder.
    has_sequence, has_structure
        bool [protein]; False where the record lacks the modality or dropout took it away.
    masked_residues
        bool [protein, residue]: residues hidden by an objective's `corrupt`, or None.
    go
        Targets, or None where no protein has annotation.
    """

    ids: tuple[str, ...]
    residues: Tensor
    residue_mask: Tensor
    sequence: Features | None
    structure: Features | None
    has_sequence: Tensor
    has_structure: Tensor
    masked_residues: Tensor | None = None
    go: GoTargets | None = None

    def to(self, device: torch.device, non_blocking: bool = False) -> ProteinBatch:
        """The same batch on `device`."""
        return self._map(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> ProteinBatch:
        """The same batch in page-locked memory."""
        return self._map(lambda part: part.pin_memory())

    def _map(self, move: Callable[[Any], Any]) -> ProteinBatch:
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(
            self,
            **{
                name: move(part)
                for name, part in parts.items()
                if name != "ids" and part is not None
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionOutputs:
    """All that objectives may look at after one forward pass.

    Attributes
    ----------
    sequence_tokens, structure_tokens
        The encoders' tokens projected to the fusion width [protein, residue, width], before they
        see each other; None where the model lacks the encoder. A missing modality has mask False.
    fused_tokens
        [protein, residue, width]; mask True where at least one modality has a token.
    protein
        [protein, width]: pooled fused tokens.
    projected
        [protein, shared], unit length: the protein in the space shared with GO.
    go_terms
        int64 [term]: the candidates of `batch.go.terms`, or None.
    go_projected
        [term, shared], unit length, or None.
    """

    sequence_tokens: ResidueTokens | None
    structure_tokens: ResidueTokens | None
    fused_tokens: ResidueTokens
    protein: Tensor
    projected: Tensor
    go_terms: Tensor | None = None
    go_projected: Tensor | None = None


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
    """

    width: int
    shared_dim: int
    ontology: GeneOntology | None = None
    term_frequencies: Tensor | None = None
    residue_frequencies: Tensor | None = None


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
    needs: ClassVar[frozenset[Modality | Literal["spans"]]]

    def corrupt(self, batch: ProteinBatch, rng: torch.Generator) -> ProteinBatch:
        """The batch as the model shall see it, with parts hidden; identity by default.

        `rng` lives on the CPU and decides everything that is random.
        """
        return batch

    @abstractmethod
    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        """The loss of `outputs` on the (corrupted) `batch`."""
