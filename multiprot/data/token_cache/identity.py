"""Which encoder tokens are of: everything that decides them, and the key that follows from it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Final, Self

import torch
from torch import Tensor, nn

from multiprot.config import Section
from multiprot.data.token_cache.config import CacheDtype
from multiprot.encoders.contract import ResidueEncoder
from multiprot.encoders.lock import PluginLock, lock_entry
from multiprot.encoders.options import validate_options
from multiprot.encoders.plugin import EncoderPlugin
from multiprot.encoders.registry import Registry

FORMAT: Final = "multiprot-token-cache"
FORMAT_VERSION: Final = 1
DTYPES: Final[dict[CacheDtype, torch.dtype]] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIdentity:
    """What a folder of tokens was computed with.

    Attributes
    ----------
    plugin
        Name, distribution, version, contract version and complete options of the encoder.
    weights
        SHA-256, in hex, of its parameters and buffers.
    token_dim
        Channels of a token.
    dtype
        Number format on disk.
    frozen_part
        The tokens are those of the encoder's frozen part (`PartlyFrozen`); `weights` and
        `token_dim` are that part's.
    """

    plugin: PluginLock
    weights: str
    token_dim: int
    dtype: CacheDtype
    frozen_part: bool = False

    @classmethod
    def of(
        cls,
        registry: Registry,
        plugin: EncoderPlugin[Any],
        options: Section,
        encoder: ResidueEncoder[Any],
        dtype: CacheDtype,
        *,
        frozen_part: bool = False,
    ) -> Self:
        """The identity of an encoder, or of its frozen part, that was built with `options`.

        Options that name a checkpoint count as what the encoder says to do without it
        (`portable_options`): the weights are hashed, wherever they came from.
        """
        if encoder.portable_options is not None:
            options = validate_options(plugin, encoder.portable_options, f"{plugin.name}.options")
        return cls(
            plugin=lock_entry(registry, plugin, options),
            weights=weights_hash(encoder),
            token_dim=encoder.token_dim,
            dtype=dtype,
            frozen_part=frozen_part,
        )

    @property
    def key(self) -> str:
        """SHA-256, in hex, of all of it and of the format."""
        text = json.dumps(self.to_json(), sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def folder(self) -> str:
        """Name of the folder in the cache: modality, name and the first half of the key."""
        modality = self.plugin.group.rsplit(".", 1)[-1].removesuffix("_encoders")
        name = re.sub(r"[^A-Za-z0-9._-]", "_", self.plugin.name)
        return f"{modality}-{name}-{self.key[:32]}"

    @property
    def torch_dtype(self) -> torch.dtype:
        """The number format as torch calls it."""
        return DTYPES[self.dtype]

    @property
    def bytes_per_residue(self) -> int:
        """Size of one residue on disk: its channels and one byte of mask."""
        return self.token_dim * self.torch_dtype.itemsize + 1

    def to_json(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "plugin": self.plugin.to_json(),
            "weights": self.weights,
            "token_dim": self.token_dim,
            "dtype": self.dtype,
            # Left out of what older versions wrote, so that their folders are still found.
            **({"frozen_part": True} if self.frozen_part else {}),
        }


def weights_hash(module: nn.Module) -> str:
    """SHA-256, in hex, of every entry of the state: name, number format, shape and bytes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(raw_bytes(tensor))
    return digest.hexdigest()


def raw_bytes(tensor: Tensor) -> memoryview:
    """The bytes of a tensor in row-major order; no copy where it lies so already."""
    # numpy knows no bfloat16; as bytes it needs not know.
    flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return flat.numpy().data
