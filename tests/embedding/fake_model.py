"""A model that a few lines of numpy foretell, and that fails where a test wants it to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multiprot.embedding import Embedder, EmbedOptions
from multiprot.embedding.models.model import EmbeddingModel, ModelIdentity
from multiprot.embedding.models.outputs import BatchOutputs
from multiprot.encoders.plugin import Capabilities, Modality
from multiprot.proteins import ProteinRecord

WIDTH = 4

Hook = Callable[[Sequence[ProteinRecord]], None]
"""Called with the records of each forward pass, before it; may raise."""

_VALUES = np.random.default_rng(0).standard_normal((128, WIDTH)).astype(np.float32)


def tokens_of(sequence: str) -> NDArray[np.float32]:
    """float32 [residue, width]: each residue's letter decides."""
    return _VALUES[np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)]


def vector_of(sequence: str) -> NDArray[np.float32]:
    """float32 [width]: their mean."""
    return np.asarray(tokens_of(sequence).mean(axis=0, dtype=np.float64), dtype=np.float32)


@dataclass(frozen=True)
class FakeFeatures:
    """The records themselves."""

    records: tuple[ProteinRecord, ...]

    def to(self, device: torch.device, non_blocking: bool = False) -> FakeFeatures:
        return self

    def pin_memory(self) -> FakeFeatures:
        return self


class FakeModel(EmbeddingModel):
    """The mean of a value per letter, bit for bit the same in any batch.

    Parameters
    ----------
    hook
        Sees every forward pass.
    max_residues
        Its limit.
    packs
        Answers without padding.
    content_hash
        Two models with the same hash count as the same.
    """

    pooling = "mean"
    mean_pooled = True

    def __init__(
        self,
        hook: Hook = lambda records: None,
        *,
        max_residues: int | None = None,
        packs: bool = False,
        content_hash: str = "fake",
    ) -> None:
        self.hook = hook
        self.packs = packs
        self.identity = ModelIdentity(
            kind="encoder", name="fake", source="fake", content_hash=content_hash
        )
        limits = Capabilities(
            trainable=False, max_residues=max_residues, requires=frozenset({"sequence"})
        )
        self.capabilities = {Modality.SEQUENCE: limits}
        self.width = WIDTH
        self.device = torch.device("cpu")

    def features(self, records: Sequence[ProteinRecord], *, structured: bool) -> FakeFeatures:
        return FakeFeatures(tuple(records))

    def forward(self, features: Any, *, residues: bool) -> BatchOutputs:
        records = features.records
        self.hook(records)
        tokens = [torch.from_numpy(tokens_of(record.sequence)) for record in records]
        masks = [torch.ones(len(record), dtype=torch.bool) for record in records]
        joined: Callable[[list[torch.Tensor]], torch.Tensor] = (
            torch.cat if self.packs else lambda parts: _padded(parts)
        )
        return BatchOutputs(
            vectors=torch.from_numpy(np.stack([vector_of(r.sequence) for r in records])),
            mask=joined(masks),
            tokens=joined(tokens) if residues else None,
            used={"sequence": torch.ones(len(records), dtype=torch.bool)},
            packed=self.packs,
        )


def _padded(parts: list[torch.Tensor]) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)


def fake_embedder(
    hook: Hook = lambda records: None, *, model: dict[str, Any] | None = None, **options: Any
) -> Embedder:
    """An embedder with the fake model; `options` are those of embedding."""
    return Embedder(FakeModel(hook, **(model or {})), EmbedOptions(**options))


class Passes:
    """A hook that keeps the ids of every forward pass.

    Attributes
    ----------
    batches
        One tuple of ids per pass.
    """

    def __init__(self) -> None:
        self.batches: list[tuple[str, ...]] = []

    def __call__(self, records: Sequence[ProteinRecord]) -> None:
        self.batches.append(tuple(record.id for record in records))

    @property
    def ids(self) -> list[str]:
        """Ids in the order they were computed."""
        return [name for batch in self.batches for name in batch]
