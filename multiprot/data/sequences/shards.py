"""Residues on disk, opened for random access."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from multiprot.data.sequences.five_bits import BITS, unpacked
from multiprot.errors import DataError
from multiprot.files import read_bytes, sha256
from multiprot.proteins import RESIDUE_LETTERS

FORMAT: Final = "multiprot-sequences"
FORMAT_VERSION: Final = 1
MANIFEST: Final = "manifest.json"

_COUNTED: Final = 2**24
"""Residues counted at once, which widens them."""

_LETTERS: Final = np.frombuffer(RESIDUE_LETTERS.encode(), dtype=np.uint8)


class SequenceShards:
    """A folder that `multiprot data sequences` made. Open with `SequenceShards.open`.

    Attributes
    ----------
    path
        Folder.
    manifest
        What manifest.json says: hash of the content, counts, what was left out, inputs.
    """

    def __init__(self, path: Path, manifest: Mapping[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self._splits: dict[str, SequenceSplit] = {}

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a folder; checks what is cheap: the manifest, presence and size of files.

        Raises
        ------
        DataError
            If it is no such folder, of an unknown version, or a file is missing or cut.
        """
        path = Path(path)
        manifest = _read_manifest(path)
        for name, size in _sizes(manifest, path / MANIFEST):
            _check_size(path / name, size)
        return cls(path, manifest)

    @property
    def content_hash(self) -> str:
        """SHA-256 over lengths and residues of all splits; shards and bits do not count."""
        return str(self.manifest["content_hash"])

    def split(self, name: str) -> SequenceSplit:
        """One split, "train" or "valid".

        Raises
        ------
        DataError
            If the folder has no protein of it.
        """
        told = self.manifest["splits"].get(name)
        if told is None or not told["proteins"]:
            raise DataError(
                f"{self.path}: no {name} proteins; build it anew with a splits file that has some"
            )
        if name not in self._splits:
            self._splits[name] = SequenceSplit(self.path, told, int(self.manifest["bits"]))
        return self._splits[name]

    def verify(self) -> None:
        """Check every file's hash; `DataError` names the first that is damaged."""
        for split in self.manifest["splits"].values():
            for entry in (split["lengths"], *split["shards"]):
                if sha256(self.path / entry["file"]) != entry["sha256"]:
                    raise DataError(f"{self.path / entry['file']}: damaged; build the folder anew")


class SequenceSplit:
    """Proteins of one split; picklable, and safe to use in loader workers.

    Attributes
    ----------
    lengths
        int64 [protein], residues.
    """

    def __init__(self, folder: Path, told: Mapping[str, Any], bits: int) -> None:
        self._folder, self._told, self._bits = folder, told, bits
        found = np.load(folder / told["lengths"]["file"], allow_pickle=False)
        self.lengths: NDArray[np.int64] = found.astype(np.int64)
        firsts = [0]
        for shard in told["shards"]:
            firsts.append(firsts[-1] + shard["proteins"])
        self._firsts = np.array(firsts)
        ends = np.cumsum(self.lengths)
        before = np.concatenate(([0], ends))[self._firsts[:-1]]
        owners = np.repeat(np.arange(len(told["shards"])), np.diff(self._firsts))
        self._owners = owners
        self._starts = ends - self.lengths - before[owners]

    def __len__(self) -> int:
        return len(self.lengths)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "shards"}

    @cached_property
    def shards(self) -> list[NDArray[np.uint8]]:
        """uint8 [residue] each, proteins one behind another; opened at first use."""
        return [self._opened(entry) for entry in self._told["shards"]]

    def _opened(self, entry: Mapping[str, Any]) -> NDArray[np.uint8]:
        content = np.load(self._folder / entry["file"], mmap_mode="r", allow_pickle=False)
        if self._bits != BITS:
            mapped: NDArray[np.uint8] = content
            return mapped
        return unpacked(np.asarray(content), entry["residues"])

    def residues(self, protein: int, start: int = 0, stop: int | None = None) -> NDArray[np.uint8]:
        """uint8 [residue]: positions in `RESIDUE_LETTERS` of a part of a protein."""
        stop = int(self.lengths[protein]) if stop is None else stop
        begin = int(self._starts[protein])
        part: NDArray[np.uint8] = self.shards[self._owners[protein]][begin + start : begin + stop]
        return part

    def letter_counts(self) -> NDArray[np.int64]:
        """int64 [letter of `RESIDUE_LETTERS`]: how often each stands in the split."""
        counts = np.zeros(len(RESIDUE_LETTERS), dtype=np.int64)
        for shard in self.shards:
            for start in range(0, len(shard), _COUNTED):
                counts += np.bincount(shard[start : start + _COUNTED], minlength=len(counts))
        return counts

    def sequence(self, protein: int) -> str:
        """The letters of a protein."""
        return _LETTERS[self.residues(protein)].tobytes().decode("ascii")


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    if not file.is_file():
        raise DataError(
            f"{path}: no {MANIFEST} in it; make the folder with `multiprot data sequences`"
        )
    try:
        manifest: dict[str, Any] = json.loads(read_bytes(file))
    except ValueError as error:
        raise DataError(f"{file}: not JSON ({error}); build the folder anew") from None
    if not isinstance(manifest, dict):
        raise DataError(f"{file}: holds no object; build the folder anew")
    kind, version = manifest.get("format"), manifest.get("format_version")
    if kind != FORMAT:
        raise DataError(f"{file}: format {kind!r} is not {FORMAT!r}; give another folder")
    if version != FORMAT_VERSION:
        raise DataError(
            f"{file}: version {version} of the format; this multiprot reads {FORMAT_VERSION}; "
            "build the folder anew"
        )
    return manifest


def _sizes(manifest: Mapping[str, Any], file: Path) -> list[tuple[str, int]]:
    """Names and sizes of all files that a manifest tells of, each of which must have both."""
    try:
        splits = manifest["splits"].values()
        entries = [entry for split in splits for entry in (split["lengths"], *split["shards"])]
        return [(entry["file"], entry["bytes"]) for entry in entries]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{file}: damaged ({error!r}); build the folder anew") from None


def _check_size(path: Path, expected: int) -> None:
    if not path.is_file():
        raise DataError(f"{path}: is missing; build the folder anew")
    found = path.stat().st_size
    if found != expected:
        raise DataError(f"{path}: {found} bytes instead of {expected}; build the folder anew")
