"""The folder of one encoder's tokens: manifest, shards, lock, and the corpora known to be there."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.data.corpus import Corpus
from multiprot.data.token_cache.identity import TokenIdentity
from multiprot.data.token_cache.index import TokenIndex
from multiprot.data.token_cache.shards import PREFIX, SUFFIX, ShardHead, read_head
from multiprot.errors import DataError
from multiprot.files import atomic_file, read_bytes

MANIFEST: Final = "manifest.json"
LOCK: Final = ".lock"

Say = Callable[[str], None]
"""Told, in one line, what a person should know."""


class TokenFolder:
    """Files of one encoder in a cache.

    Parameters
    ----------
    cache
        The cache, which other encoders may share.
    identity
        The encoder.

    Attributes
    ----------
    path, identity
        The folder, and what its tokens are computed with.
    """

    def __init__(self, cache: Path, identity: TokenIdentity) -> None:
        self.path = Path(cache) / identity.folder
        self.identity = identity

    def create(self) -> None:
        """Make the folder and its manifest, if they are not there.

        Raises
        ------
        DataError
            If a manifest is there and tells of another encoder, or is no manifest.
        """
        path = self.path / MANIFEST
        if path.is_file():
            self._compare(path)
            return
        told = {**self.identity.to_json(), "multiprot_version": version("multiprot")}
        with atomic_file(path) as partial:
            partial.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def heads(self) -> tuple[list[ShardHead], dict[Path, DataError]]:
        """Heads of the whole shards, in the order of their names, and what is wrong with others."""
        heads, damaged = [], {}
        for path in sorted(self.path.glob(f"{PREFIX}*{SUFFIX}")):
            try:
                heads.append(read_head(path, self.identity))
            except DataError as error:
                damaged[path] = error
        return heads, damaged

    def index(self) -> TokenIndex:
        """Where each protein's tokens lie; damaged shards do not count."""
        return TokenIndex(self.heads()[0])

    def sweep(self, say: Say) -> TokenIndex:
        """Remove what a killed process left half-written, and damaged shards; says which.

        Only for the holder of the lock, who gets the index of what is left.
        """
        for partial in self.path.glob(f".{PREFIX}*"):
            partial.unlink(missing_ok=True)
        heads, damaged = self.heads()
        for path, error in damaged.items():
            path.unlink(missing_ok=True)
            say(f"{error}; its proteins are encoded again")
        return TokenIndex(heads)

    @contextmanager
    def lock(self, say: Say) -> Iterator[bool]:
        """Wait until no other process fills this folder; gives whether a lock was to be had.

        Without one (no such thing on this system or file system) two processes may do the same
        work; they do no harm to each other, because equal shards have equal names.
        """
        try:
            import fcntl
        except ImportError:
            yield False
            return
        with (self.path / LOCK).open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"{self.path}: another process is filling it; waiting for it")
                fcntl.flock(handle, fcntl.LOCK_EX)
            except OSError:
                yield False
                return
            yield True

    def knows(self, corpus: Corpus, rows: NDArray[np.int64], index: TokenIndex) -> bool:
        """Whether all of these proteins were found before, in shards that `index` still has."""
        path = self._note(corpus, rows)
        if not path.is_file():
            return False
        needed = json.loads(read_bytes(path))["shards"]
        return set(needed) <= {path.name for path in index.shards}

    def remember(self, corpus: Corpus, rows: NDArray[np.int64], index: TokenIndex) -> None:
        """Note that all of these proteins are in the shards of `index`.

        It spares the next run to hash every structure of the corpus.
        """
        told = {"corpus": corpus.content_hash, "shards": [path.name for path in index.shards]}
        with atomic_file(self._note(corpus, rows)) as partial:
            partial.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")

    def _note(self, corpus: Corpus, rows: NDArray[np.int64]) -> Path:
        digest = hashlib.sha256(corpus.content_hash.encode())
        digest.update(np.ascontiguousarray(rows, dtype="<i8").tobytes())
        return self.path / f"corpus-{digest.hexdigest()[:32]}.json"

    def _compare(self, path: Path) -> None:
        try:
            found = json.loads(read_bytes(path))
        except ValueError as error:
            raise DataError(
                f"{path}: is not JSON ({error}); remove the folder {self.path}"
            ) from None
        expected = json.loads(json.dumps(self.identity.to_json()))
        differing = [key for key, value in expected.items() if found.get(key) != value]
        if differing:
            raise DataError(
                f"{path}: tells of another encoder than its folder is named after ({differing[0]} "
                f"is {found.get(differing[0])!r}); remove the folder {self.path}"
            )


def free_bytes(path: Path) -> int:
    """Bytes that may still be written where `path` is or will be."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
