"""One shard: the tokens of some proteins in a safetensors file that names them itself.

Tensors: `tokens` [residue of all proteins, channel], `mask` bool [residue], `digests` uint8
[protein, byte], `offsets` int64 [protein + 1] into the residues, `checksums` int64 [protein],
CRC-32 of a protein's tokens and mask.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from multiprot.data.token_cache.identity import TokenIdentity, raw_bytes
from multiprot.data.token_cache.inputs import DIGEST_BYTES
from multiprot.errors import DataError
from multiprot.files import atomic_file

PREFIX: Final = "tokens-"
SUFFIX: Final = ".safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class EncodedProtein:
    """Tokens of one protein, as they go to disk.

    Attributes
    ----------
    digest
        Hash of what the encoder saw.
    values
        [residue, channel], 0 where `mask` is False.
    mask
        bool [residue].
    """

    digest: bytes
    values: Tensor
    mask: Tensor

    def checksum(self) -> int:
        """CRC-32 of tokens and mask."""
        return zlib.crc32(raw_bytes(self.mask), zlib.crc32(raw_bytes(self.values)))


@dataclass(frozen=True, slots=True, eq=False)
class ShardHead:
    """What a shard holds, without the tokens.

    Attributes
    ----------
    path
        The file.
    digests
        uint8 [protein, byte].
    offsets
        int64 [protein + 1].
    checksums
        int64 [protein].
    """

    path: Path
    digests: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    checksums: NDArray[np.int64]


def write_shard(folder: Path, proteins: Sequence[EncodedProtein]) -> Path:
    """Write a shard, whole or not at all; its name follows from the proteins' digests.

    Two processes that compute the same proteins write the same file, and either may win.

    Raises
    ------
    MultiprotError
        If the file cannot be written, for want of room for example.
    """
    digests = np.frombuffer(b"".join(p.digest for p in proteins), np.uint8)
    lengths = [len(protein.mask) for protein in proteins]
    tensors = {
        "tokens": torch.cat([protein.values for protein in proteins]),
        "mask": torch.cat([protein.mask for protein in proteins]),
        "digests": torch.from_numpy(digests.reshape(-1, DIGEST_BYTES).copy()),
        "offsets": torch.tensor([0, *np.cumsum(lengths).tolist()]),
        "checksums": torch.tensor([protein.checksum() for protein in proteins]),
    }
    path = folder / _name(digests)
    with atomic_file(path) as partial:
        # Python's own write says that the disk is full; what safetensors says differs by version.
        partial.write_bytes(save(tensors))
    return path


def read_head(path: Path, identity: TokenIdentity) -> ShardHead:
    """The head of a shard.

    Raises
    ------
    DataError
        If the file is cut short, or is not what `write_shard` wrote for this encoder.
    """
    handle = open_shard(path)
    try:
        parts = {n: handle.get_tensor(n).numpy() for n in ("digests", "offsets", "checksums")}
        tokens, mask = handle.get_slice("tokens"), handle.get_slice("mask")
        shape, residues = tuple(tokens.get_shape()), tuple(mask.get_shape())
        dtype = tokens[:0].dtype
    except SafetensorError as error:
        raise DataError(f"{path}: is not a shard of a token cache ({error})") from None
    head = ShardHead(path, **parts)
    whole = (
        _name(head.digests.reshape(-1)) == path.name
        and head.offsets.shape == (len(head.digests) + 1,)
        and head.checksums.shape == (len(head.digests),)
        and shape == (*residues, identity.token_dim)
        and residues == (int(head.offsets[-1]),)
        and dtype == identity.torch_dtype
    )
    if not whole:
        raise DataError(f"{path}: does not hold the tokens that its name promises")
    return head


def open_shard(path: Path) -> Any:
    """A shard opened for reading in pieces; `DataError` if it is missing or cut short."""
    try:
        return safe_open(path, framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path}: missing, cut short or damaged ({error})") from None


def _name(digests: NDArray[np.uint8]) -> str:
    return f"{PREFIX}{hashlib.sha256(digests.tobytes()).hexdigest()[:32]}{SUFFIX}"
