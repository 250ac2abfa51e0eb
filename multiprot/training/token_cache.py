"""Tokens of frozen encoders for a run: estimated, computed where they are missing, and read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from multiprot.data import Corpus
from multiprot.data.progress import Progress as Advance
from multiprot.data.token_cache.encode import TokenSource
from multiprot.data.token_cache.fill import (
    FillPlan,
    describe,
    fill,
    plan_fill,
    refuse_without_room,
)
from multiprot.data.token_cache.folder import TokenFolder
from multiprot.data.token_cache.reader import TokenReader
from multiprot.encoders.registry import Registry
from multiprot.training.cached_encoders import token_sources
from multiprot.training.config import PretrainConfig
from multiprot.training.parts import TrainingParts


@dataclass(frozen=True, slots=True, eq=False)
class CacheAccount:
    """One encoder's tokens in the cache.

    Attributes
    ----------
    modality
        Which encoder.
    source, folder
        Who makes the tokens, and where they go.
    plan
        What was missing.
    """

    modality: str
    source: TokenSource
    folder: TokenFolder
    plan: FillPlan

    def __str__(self) -> str:
        return describe(self.plan, self.source)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "modality": self.modality,
            "encoder": self.source.name,
            "folder": str(self.folder.path),
            "proteins": self.plan.proteins,
            "proteins_in_windows": self.plan.long,
            "residues": self.plan.residues,
            "bytes": self.plan.bytes,
            "free_bytes": self.plan.free,
        }


def with_token_cache(
    config: PretrainConfig, parts: TrainingParts, registry: Registry
) -> TrainingParts:
    """The parts with readers of tokens, after what is missing was computed; as they are if off.

    Raises
    ------
    ConfigError
        If an encoder's tokens cannot be cached in this recipe.
    DataError
        If there is no room, or a protein cannot be encoded.
    """
    accounts = fill_caches(config, parts, registry)
    for account in accounts:
        _say_crops(config, parts.corpus, account.source)
    return replace(
        parts, cached={a.modality: TokenReader(a.folder, a.source.inputs) for a in accounts}
    )


def estimate_caches(
    config: PretrainConfig, parts: TrainingParts, registry: Registry
) -> list[CacheAccount]:
    """What `fill_caches` has to do; writes nothing.

    Raises
    ------
    ConfigError, DataError
        As `with_token_cache`, and so before any encoder has worked for hours.
    """
    cache, accounts = config.token_cache, list[CacheAccount]()
    if cache is None:
        return accounts
    rows = cached_rows(config, parts.corpus)
    for name, source in token_sources(config, cache, parts, registry).items():
        folder = TokenFolder(cache.path, source.identity)
        plan = plan_fill(folder, source, parts.corpus, rows)
        accounts.append(CacheAccount(name, source, folder, plan))
    refuse_without_room([account.plan for account in accounts], cache.path)
    return accounts


def fill_caches(
    config: PretrainConfig, parts: TrainingParts, registry: Registry
) -> list[CacheAccount]:
    """Compute what a run lacks, with a bar on a terminal; what was done, by encoder."""
    rows = cached_rows(config, parts.corpus)
    done = []
    for each in estimate_caches(config, parts, registry):
        with _bar() as progress:
            plan = fill(each.folder, each.source, parts.corpus, rows, progress=progress, say=_say)
        done.append(replace(each, plan=plan))
    return done


def cached_rows(config: PretrainConfig, corpus: Corpus) -> NDArray[np.int64]:
    """Rows whose tokens a run reads: all of the valid split; of the train split what it samples."""
    train, share = corpus.rows("train"), config.batch.structure_share
    if share in (0.0, 1.0):
        train = train[corpus.has_structure[train] == bool(share)]
    return np.sort(np.concatenate([train, corpus.rows("valid")]))


def _say_crops(config: PretrainConfig, corpus: Corpus, source: TokenSource) -> None:
    limit = config.batch.crop_residues
    long = 0 if limit is None else int((corpus.lengths[cached_rows(config, corpus)] > limit).sum())
    if long:
        _say(
            f"token cache: {long:,} proteins are longer than batch.crop_residues {limit}; their "
            f"crops are cut from tokens of the whole protein, where {source.name} itself would see "
            "the crop alone"
        )


def _say(line: str) -> None:
    Console(stderr=True).print(line, highlight=False, soft_wrap=True)


@contextmanager
def _bar() -> Iterator[Advance]:
    """A bar on a terminal, once there is something to show; nothing elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    bars = Progress(*columns, TimeRemainingColumn(), console=console)
    tasks: dict[str, Any] = {}

    def advance(stage: str, done: int, total: int | None) -> None:
        if not console.is_terminal:
            return
        if stage not in tasks:
            bars.start()
            tasks[stage] = bars.add_task(stage, total=total)
        bars.update(tasks[stage], completed=done)

    try:
        yield advance
    finally:
        if tasks:
            bars.stop()
