"""A saved model as the engine uses it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import numpy as np
import torch

from multiprot.bundle import Bundle
from multiprot.data.batch_config import BatchConfig
from multiprot.data.collate import Collator, TokenOrigin
from multiprot.embedding.models.model import EmbeddingModel, ModelIdentity
from multiprot.embedding.models.outputs import BatchOutputs
from multiprot.embedding.options import EmbedOptions
from multiprot.encoders.contract import Featurizer, ProteinBatch, ResidueEncoder
from multiprot.proteins import ProteinRecord

AUTOCAST: Final = {"bf16": torch.bfloat16, "fp16": torch.float16}

_POOLING: Final = {
    "attention": "attention pooling of the fused residue tokens, with the means of each modality's "
    "tokens and the length; there are no special tokens",
    "mean": "mean of the fused residue tokens; there are no special tokens",
    "norm-softmax": "mean of the fused residue tokens, weighted by the softmax of their lengths; "
    "there are no special tokens",
}
_SHARED: Final = "the protein vector projected into the space shared with GO terms, unit length"


class BundleModel(EmbeddingModel):
    """The fusion model of a bundle, moved to `device`; reduced precision is torch's autocast."""

    def __init__(self, bundle: Bundle, options: EmbedOptions, device: torch.device) -> None:
        self.bundle: Bundle = bundle
        self.device = device
        self.identity = identity_of(bundle)
        self.capabilities = bundle.capabilities()
        fusion = bundle.config.fusion
        self.unit = options.space == "shared" and fusion.shared_dim > 0
        self.width = fusion.shared_dim if self.unit else fusion.width
        self.pooling = _SHARED if self.unit else _POOLING[fusion.pooling]
        self._precision = options.precision
        model = bundle.model.to(device)
        self._model = model
        self.parameter_count = sum(p.numel() for p in model.parameters())
        self._modalities = options.modalities
        self.collate(_featurizer(model.sequence))

    def collate(self, sequence: TokenOrigin | None) -> None:
        """Make batches that hold for the sequence encoder what `sequence` gives."""
        config = BatchConfig(crop_residues=None)
        withheld = self._modalities == "structure"
        sequence = None if withheld else sequence
        structured = self._modalities != "sequence"
        structure = _featurizer(self._model.structure) if structured else None
        self._plain = Collator(sequence, None, None, config, training=False)
        self._structured = Collator(
            sequence, structure, None, config, training=False, withhold_sequence=withheld
        )

    def features(self, records: Sequence[ProteinRecord], *, structured: bool) -> ProteinBatch:
        """The batch of `records`."""
        collator = self._structured if structured else self._plain
        return collator(records, np.zeros(len(records), np.int64))

    def forward(self, features: Any, *, residues: bool) -> BatchOutputs:
        """As `EmbeddingModel.forward`; residues' tokens are the fused ones."""
        with torch.inference_mode():
            return self.outputs(features, residues=residues)

    def outputs(self, features: Any, *, residues: bool) -> BatchOutputs:
        """As `forward`, with gradients where the caller and the weights want them."""
        with self._autocast():
            outputs = self._model(features)
        chosen = outputs.projected if self.unit else outputs.protein
        streams = {"sequence": outputs.sequence_tokens, "structure": outputs.structure_tokens}
        return BatchOutputs(
            vectors=chosen.float(),
            mask=outputs.fused_tokens.mask,
            tokens=outputs.fused_tokens.values.float() if residues else None,
            used={n: s.mask.any(dim=1) for n, s in streams.items() if s is not None},
            packed=False,
        )

    def _autocast(self) -> AbstractContextManager[Any]:
        if self._precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, AUTOCAST[self._precision])


def identity_of(bundle: Bundle) -> ModelIdentity:
    """Which model a bundle is."""
    return ModelIdentity(
        kind="bundle",
        name=bundle.name,
        source=bundle.path.resolve().name,
        content_hash=bundle.content_hash,
        warnings=bundle.warnings,
    )


def _featurizer(encoder: ResidueEncoder[Any] | None) -> Featurizer[Any] | None:
    return None if encoder is None else encoder.featurizer
