"""One encoder of a plugin alone: the mean of its residue tokens is the protein's vector."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from multiprot.embedding.models.model import EmbeddingModel, ModelIdentity
from multiprot.embedding.models.outputs import BatchOutputs
from multiprot.encoders.contract import (
    Features,
    Layout,
    PackedTokens,
    ResidueEncoder,
    ResidueTokens,
)
from multiprot.encoders.plugin import Capabilities, Modality, Precision
from multiprot.encoders.pretrained import first_line
from multiprot.errors import ConfigError, PluginError
from multiprot.proteins import ProteinRecord

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""Torch's name of each precision."""


class EncoderModel(EmbeddingModel):
    """A residue encoder on `device`, its weights in the precision asked for.

    A vector is the float32 mean of the tokens of the residues that have one; special tokens are
    never among them.

    Parameters
    ----------
    encoder
        In float32, on the CPU; it is put into evaluation mode and moved.
    identity
        Which model it is; its hash is of the weights before they are rounded.
    modality, capabilities
        What it reads, and what it can do.
    precision
        Of its weights and arithmetic.
    device
        Where it is to lie.
    """

    trained_on: Path | None
    """As `ResidueEncoder.trained_on`."""
    pooling = "mean of the tokens of all residues that have one; special tokens are left out"
    mean_pooled = True

    def __init__(
        self,
        encoder: ResidueEncoder[Any],
        identity: ModelIdentity,
        modality: Modality,
        capabilities: Capabilities,
        *,
        precision: Precision,
        device: torch.device,
    ) -> None:
        self.identity = identity
        self.capabilities = {modality: capabilities}
        self.device = device
        self.width = encoder.token_dim
        self.parameter_count = sum(p.numel() for p in encoder.parameters())
        self.packs = capabilities.packs
        self.trained_on = encoder.trained_on
        self._modality = modality
        self._featurizer = encoder.featurizer
        self._layout = Layout.PACKED if capabilities.packs else Layout.PADDED
        self._encoder = encoder.eval().to(device=device, dtype=DTYPES[precision])

    def compile(self) -> None:
        """Have torch.compile make faster code, now, so that runs do not wait for it.

        Raises
        ------
        ConfigError
            If it cannot, as without a C++ compiler.
        """
        self._encoder.compile(dynamic=True)
        trials = [ProteinRecord(id="trial", sequence="ACDEFGHIKLMNPQRSTVWY" * n) for n in (1, 2, 4)]
        try:
            for batch in (trials[:1], trials[1:], trials):
                features: Any = self.features(batch, structured=False)
                self.forward(features.to(self.device), residues=False)
        except Exception as error:
            # Whatever the compiler, torch or the encoder raises: they have no common parent.
            raise ConfigError(
                f"compile: torch.compile cannot make code of {self.identity.name} here "
                f"({first_line(error)}); install a C++ compiler, or leave out --compile"
            ) from error

    def features(self, records: Sequence[ProteinRecord], *, structured: bool) -> Features:
        """The encoder's own features."""
        features: Features = self._featurizer(records, self._layout)
        return features

    def forward(self, features: Any, *, residues: bool) -> BatchOutputs:
        """As `EmbeddingModel.forward`.

        Raises
        ------
        PluginError
            If the encoder answers in another layout than it was asked in.
        """
        with torch.inference_mode():
            tokens = self._encoder(features)
            if isinstance(tokens, PackedTokens) != self.packs:
                raise PluginError(
                    f"{self.identity.name}: answers {type(tokens).__name__} to features in the "
                    f"{self._layout} layout; the layout of the features is to be kept"
                )
            vectors, used = packed_mean(tokens) if self.packs else padded_mean(tokens)
            return BatchOutputs(
                vectors=vectors,
                mask=tokens.mask,
                tokens=tokens.values.float() if residues else None,
                used={self._modality.value: used},
                packed=self.packs,
            )


def padded_mean(tokens: ResidueTokens) -> tuple[Tensor, Tensor]:
    """Mean token float32 [protein, channel], zeros where there is none; whether there is any."""
    shown = tokens.values.float().masked_fill(~tokens.mask[..., None], 0.0)
    count = tokens.mask.sum(dim=1, keepdim=True)
    return shown.sum(dim=1) / count.clamp(min=1), count[:, 0] > 0


def packed_mean(tokens: PackedTokens) -> tuple[Tensor, Tensor]:
    """As `padded_mean`; a protein's sum is its own, whatever stands before it."""
    lengths = tokens.offsets.diff().long()
    shown = tokens.values.float().masked_fill(~tokens.mask[:, None], 0.0)
    total = torch.segment_reduce(shown, "sum", lengths=lengths, axis=0)
    count = torch.segment_reduce(tokens.mask.float(), "sum", lengths=lengths, axis=0)
    return total / count.clamp(min=1)[:, None], count > 0


def hash_of_encoder(lock: Any, encoder: ResidueEncoder[Any]) -> str:
    """SHA-256, in hex, of plugin, version, options and weights.

    Where a checkpoint lies does not count: `portable_options` stand for the options that name it.
    """
    options = encoder.portable_options if encoder.portable_options is not None else lock.options
    digest = hashlib.sha256()
    for part in (lock.name, lock.distribution, lock.version, repr(_ordered(options))):
        digest.update(part.encode() + b"\0")
    for name, tensor in sorted(encoder.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        plain = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(plain.numpy().data)
    return digest.hexdigest()


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, _ordered(value[key])) for key in sorted(value)]
    return [_ordered(part) for part in value] if isinstance(value, list | tuple) else value
