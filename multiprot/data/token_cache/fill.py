"""Filling a cache: what is missing, how much room it takes, and the work, shard by shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.data.corpus import Corpus
from multiprot.data.progress import Progress
from multiprot.data.token_cache.encode import TokenSource, encode, in_use
from multiprot.data.token_cache.folder import Say, TokenFolder, free_bytes
from multiprot.data.token_cache.index import TokenIndex
from multiprot.data.token_cache.inputs import DIGEST_BYTES
from multiprot.data.token_cache.shards import write_shard
from multiprot.errors import DataError, MultiprotError

SHARD_BYTES: Final = 1 << 27
"""Size of a shard, exceeded by less than one protein: what a killed process loses at most."""

_BYTES_PER_PROTEIN: Final = DIGEST_BYTES + 16


@dataclass(frozen=True, slots=True, eq=False)
class FillPlan:
    """What has to be computed.

    Attributes
    ----------
    rows
        int64 [protein]: corpus rows to encode, ascending, one of each input.
    proteins, residues
        Those to encode.
    bytes, free
        Room they take, and room there is.
    long
        How many of them are encoded in windows.
    """

    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    residues: int = 0
    bytes: int = 0
    free: int = 0
    long: int = 0

    @property
    def proteins(self) -> int:
        """How many are to be encoded."""
        return len(self.rows)


def plan_fill(
    folder: TokenFolder,
    source: TokenSource,
    corpus: Corpus,
    rows: NDArray[np.int64],
    index: TokenIndex | None = None,
) -> FillPlan:
    """What is missing for the proteins `rows` of a corpus; reads, and writes nothing.

    Parameters
    ----------
    folder, source
        Where tokens go and who makes them.
    corpus, rows
        Proteins that shall be there in the end.
    index
        That of the folder, where it was read already.

    Raises
    ------
    DataError
        If a protein is longer than the encoder takes, and windows were not asked for.
    """
    long = _long_rows(source, corpus, rows)
    index = folder.index() if index is None else index
    if folder.knows(corpus, rows, index):
        return FillPlan(free=free_bytes(folder.path))
    seen, missing = set[bytes](), []
    for row, digest in source.inputs.rows(corpus, rows):
        if digest not in index and digest not in seen:
            seen.add(digest)
            missing.append(row)
    chosen = np.array(missing, dtype=np.int64)
    residues = int(corpus.lengths[chosen].sum())
    return FillPlan(
        rows=chosen,
        residues=residues,
        bytes=residues * source.identity.bytes_per_residue + _BYTES_PER_PROTEIN * len(chosen),
        free=free_bytes(folder.path),
        long=int(np.isin(chosen, long).sum()),
    )


def fill(
    folder: TokenFolder,
    source: TokenSource,
    corpus: Corpus,
    rows: NDArray[np.int64],
    *,
    progress: Progress,
    say: Say,
) -> FillPlan:
    """Encode what is missing. May be killed at any time and called again: it goes on there.

    Parameters
    ----------
    folder, source
        Where tokens go and who makes them.
    corpus, rows
        Proteins that shall be there in the end.
    progress
        Told how many residues are through.
    say
        Told what was estimated, removed or waited for.

    Returns
    -------
    FillPlan
        What was missing.

    Raises
    ------
    DataError
        If there is not enough room, a protein is too long, or gives no finite tokens. Shards that
        were finished stay.
    """
    folder.create()
    with folder.lock(say) as alone:
        index = folder.sweep(say) if alone else folder.index()
        plan = plan_fill(folder, source, corpus, rows, index)
        if plan.proteins:
            say(describe(plan, source))
            refuse_without_room([plan], folder.path)
            _write(folder, source, corpus, plan, progress)
            index = folder.index()
        if not folder.knows(corpus, rows, index):
            folder.remember(corpus, rows, index)
    return plan


def describe(plan: FillPlan, source: TokenSource) -> str:
    """The estimate in one line."""
    identity = source.identity
    if not plan.proteins:
        return f"token cache: {source.name} has every protein encoded already"
    windows = f", {plan.long} of them in windows" if plan.long else ""
    return (
        f"token cache: {source.name} has {plan.proteins:,} proteins to encode{windows}: "
        f"{plan.residues:,} residues x {identity.token_dim} channels in {identity.dtype} = "
        f"{readable(plan.bytes)}, {readable(plan.free)} are free"
    )


def refuse_without_room(plans: Sequence[FillPlan], path: Path) -> None:
    """Raise `DataError` if the estimates, together, exceed what is free at `path`."""
    needed, free = sum(plan.bytes for plan in plans), free_bytes(path)
    if needed > free:
        residues = sum(plan.residues for plan in plans)
        raise DataError(
            f"token cache {path}: {readable(needed)} are needed for {residues:,} residues, but "
            f"only {readable(free)} are free; make room, put token_cache.path on another disk, or "
            "halve it with token_cache.dtype=bf16"
        )


def readable(size: int) -> str:
    """A number of bytes for people, in decimal units, as disks are sold."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:,.3g} TB" if amount < 1000 else f"{amount:,.0f} TB"


def _long_rows(source: TokenSource, corpus: Corpus, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    limit = source.max_residues
    if limit is None:
        return rows[:0]
    bearing = rows[corpus.has_structure[rows]] if source.inputs.structure else rows
    long = bearing[corpus.lengths[bearing] > limit]
    if len(long) and not source.windows:
        first = int(long[0])
        raise DataError(
            f"token cache: {len(long)} of {len(bearing)} proteins are longer than the {limit} "
            f"residues that {source.name} takes, first {corpus.ids[first]} with "
            f"{corpus.lengths[first]}; set token_cache.long_proteins to window, raise the "
            "encoder's max_residues, leave them out of the corpus, or set token_cache to null"
        )
    return long


def _write(
    folder: TokenFolder,
    source: TokenSource,
    corpus: Corpus,
    plan: FillPlan,
    progress: Progress,
) -> None:
    stage, done, residues = f"encoding with {source.name}", 0, 0
    progress(stage, 0, plan.residues)

    def advance(more: int) -> None:
        nonlocal residues
        # Residues in two windows are computed twice but asked for once.
        residues = min(residues + more, plan.residues)
        progress(stage, residues, plan.residues)

    with in_use(source):
        for chunk in _chunks(plan.rows, corpus.lengths, source.identity.bytes_per_residue):
            encoded = encode(source, corpus.read(chunk), advance)
            try:
                write_shard(folder.path, encoded)
            except MultiprotError as error:
                raise DataError(
                    f"token cache: {error}; {done:,} of {plan.proteins:,} proteins are kept; make "
                    "room and run the same again, it goes on there"
                ) from None
            done += len(chunk)


def _chunks(
    rows: NDArray[np.int64], lengths: NDArray[np.int64], bytes_per_residue: int
) -> Iterator[NDArray[np.int64]]:
    """Rows of one shard each, in the order of the corpus, which is how it is read fastest."""
    numbers = np.cumsum(lengths[rows]) * bytes_per_residue // SHARD_BYTES
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    yield from np.split(rows, starts[1:])
