"""Which sequences a model learnt from, as hashes, so that a test on them can be told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.lib.format import read_array
from numpy.typing import NDArray

from multiprot.errors import BundleError
from multiprot.files import named_errors

_BYTES = 8
"""Of each hash: among a million sequences and a million others, one false match in 18 million."""


class TrainingSequences:
    """Hashes of the sequences that a model was trained or validated on.

    Attributes
    ----------
    digests
        uint64 [sequence], ascending: the first 8 bytes of each sequence's SHA-512.
    """

    def __init__(self, digests: NDArray[np.uint64]) -> None:
        self.digests = digests

    @classmethod
    def of(cls, sequences: Iterable[str]) -> TrainingSequences:
        """Those of a corpus; a sequence may come several times."""
        return cls(np.unique(_digests(sequences)))

    def __len__(self) -> int:
        return len(self.digests)

    def hold(self, sequences: Sequence[str]) -> NDArray[np.bool_]:
        """bool [sequence]: whether each was among them."""
        return np.isin(_digests(sequences), self.digests)

    def save(self, path: Path) -> None:
        """Write them as a NumPy array."""
        with named_errors(path), path.open("wb") as file:
            np.save(file, self.digests, allow_pickle=False)

    @classmethod
    def load(cls, path: Path) -> TrainingSequences:
        """Read what `save` wrote; `BundleError` if it is something else."""
        try:
            with named_errors(path), path.open("rb") as file:
                digests = read_array(file, allow_pickle=False)
        except ValueError as error:
            raise BundleError(f"{path}: not an array of hashes ({error}); save it again") from None
        if digests.dtype != np.uint64 or digests.ndim != 1:
            raise BundleError(
                f"{path}: holds {digests.dtype} {list(digests.shape)}, hashes are uint64 in one "
                "row; save it again"
            )
        return cls(digests)


def _digests(sequences: Iterable[str]) -> NDArray[np.uint64]:
    joined = b"".join(hashlib.sha512(s.encode("ascii")).digest()[:_BYTES] for s in sequences)
    return np.frombuffer(joined, dtype=">u8").astype(np.uint64)
