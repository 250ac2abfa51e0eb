"""Residues of one split, written file after file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.data.sequences.five_bits import packed
from multiprot.data.sequences.options import SequenceBuildOptions
from multiprot.files import sha256


class ShardWriter:
    """Takes proteins and ends a file when it holds enough.

    Parameters
    ----------
    folder
        Where.
    split
        Whose; files are called after it.
    options
        How large files are, and in how many bits.
    """

    def __init__(self, folder: Path, split: str, options: SequenceBuildOptions) -> None:
        self._folder, self._split, self._options = folder, split, options
        self._waiting: list[NDArray[np.uint8]] = []
        self._residues = 0
        self._lengths: list[int] = []
        self._shards: list[dict[str, Any]] = []
        self._hash = hashlib.sha256()

    @property
    def content_hash(self) -> str:
        """SHA-256 of residues and lengths."""
        return self._hash.hexdigest()

    def add(self, residues: NDArray[np.uint8]) -> None:
        """One protein."""
        self._waiting.append(residues)
        self._lengths.append(len(residues))
        self._residues += len(residues)
        self._hash.update(residues.tobytes())
        if self._residues >= self._options.shard_residues:
            self._end_shard()

    def finish(self) -> dict[str, Any]:
        """What the manifest says of the split."""
        if self._waiting:
            self._end_shard()
        lengths = np.array(self._lengths, dtype=np.int32)
        self._hash.update(lengths.tobytes())
        return {
            "proteins": len(lengths),
            "residues": int(lengths.sum()),
            "lengths": self._written(f"{self._split}-lengths.npy", lengths),
            "shards": self._shards,
        }

    def _end_shard(self) -> None:
        residues = np.concatenate(self._waiting)
        content = packed(residues) if self._options.five_bits else residues
        name = f"{self._split}-{len(self._shards):04}.npy"
        told = self._written(name, content)
        self._shards.append(
            {**told, "proteins": len(self._waiting), "residues": len(residues)},
        )
        self._waiting, self._residues = [], 0

    def _written(self, name: str, content: NDArray[Any]) -> dict[str, Any]:
        path = self._folder / name
        np.save(path, content, allow_pickle=False)
        return {"file": name, "bytes": path.stat().st_size, "sha256": sha256(path)}
