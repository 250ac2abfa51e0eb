"""What the engine asks of anything that turns proteins into vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from multiprot.embedding.models.outputs import BatchOutputs
from multiprot.encoders.contract import Features
from multiprot.encoders.plugin import Capabilities, Modality
from multiprot.proteins import ProteinRecord

if TYPE_CHECKING:
    from multiprot.bundle import Bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelIdentity:
    """Which model made a vector.

    Attributes
    ----------
    kind
        "bundle" or "encoder".
    name
        Its name.
    source
        Folder of the bundle, or how the encoder was asked for.
    content_hash
        SHA-256, in hex, of all that decides the vectors: code version, options and weights.
    warnings
        What differs from what the model was made with, and was allowed.
    """

    kind: str
    name: str
    source: str
    content_hash: str
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values for a manifest."""
        return {
            "kind": self.kind,
            "name": self.name,
            "source": self.source,
            "content_hash": self.content_hash,
            "warnings": list(self.warnings),
        }


class EmbeddingModel(ABC):
    """A model on one device that the engine feeds with batches of records.

    Attributes
    ----------
    identity
        Which model it is.
    capabilities
        Those of the residue encoders in use.
    width
        Channels of a vector and of a residue's token.
    parameter_count
        Numbers in its weights, of all its parts.
    pooling
        How a protein's vector comes from its residues, in words.
    unit
        Vectors have unit length.
    mean_pooled
        A vector is the plain mean of its residues' tokens, so that windows are joined residue by
        residue before the mean is taken.
    packs
        Batches hold no padding.
    device
        Where it lies.
    bundle
        The saved model that it is, or is a part of; None for an encoder of a plugin.
    """

    identity: ModelIdentity
    capabilities: Mapping[Modality, Capabilities]
    width: int
    parameter_count: int
    pooling: str
    unit: bool = False
    mean_pooled: bool = False
    packs: bool = False
    device: torch.device
    bundle: Bundle | None = None

    @abstractmethod
    def features(self, records: Sequence[ProteinRecord], *, structured: bool) -> Features:
        """What `forward` takes, on the CPU; may run in another thread than `forward`.

        Parameters
        ----------
        records
            Proteins that fit the model's limits.
        structured
            Whether the structure encoder is to look at them.
        """

    @abstractmethod
    def forward(self, features: Any, *, residues: bool) -> BatchOutputs:
        """Vectors, and residue tokens if asked for, on the model's device."""
