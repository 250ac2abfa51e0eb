"""Tokens of frozen encoders for a run: which encoders, whether that is sound, and the filling."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from multiprot.data import Corpus
from multiprot.data.build import Progress as Advance
from multiprot.data.token_cache.config import CachedModality, TokenCacheConfig
from multiprot.data.token_cache.encode import TokenSource
from multiprot.data.token_cache.fill import FillPlan, describe, fill, plan_fill, refuse_without_room
from multiprot.data.token_cache.folder import TokenFolder
from multiprot.data.token_cache.identity import TokenIdentity
from multiprot.data.token_cache.inputs import InputHash
from multiprot.data.token_cache.reader import TokenReader
from multiprot.encoders.contract import Objective, ResidueEncoder
from multiprot.encoders.options import validate_options
from multiprot.encoders.plugin import Capabilities, Modality
from multiprot.encoders.registry import Registry
from multiprot.errors import ConfigError
from multiprot.training.config import PretrainConfig
from multiprot.training.parts import TrainingParts

_MODALITIES: tuple[CachedModality, ...] = ("sequence", "structure")


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
    readers: dict[str, TokenReader] = {}
    console = Console(stderr=True)
    for name, source in token_sources(config, parts, registry).items():
        folder = folder_of(config, source)
        fill_folder(folder, source, parts.corpus, console)
        readers[name] = TokenReader(folder, source.inputs)
        if said := _on_crops(config, parts.corpus, source):
            console.print(said, highlight=False, soft_wrap=True)
    return replace(parts, cached=readers)


def token_sources(
    config: PretrainConfig, parts: TrainingParts, registry: Registry
) -> dict[CachedModality, TokenSource]:
    """The encoders whose tokens the recipe wants from the cache; empty where it is off.

    Raises
    ------
    ConfigError
        If one is not frozen, or the recipe hides from it what cached tokens were computed with.
    """
    cache = config.token_cache
    if cache is None:
        return {}
    found = {}
    for name in cache.encoders or _MODALITIES:
        encoder = getattr(parts.model, name)
        if encoder is None:
            if cache.encoders is not None:
                raise ConfigError(f"token_cache.encoders: the model has no {name} encoder")
            continue
        capabilities = _capabilities(config, registry, name)
        if _learns(encoder, capabilities):
            if cache.encoders is not None:
                raise ConfigError(_not_frozen(config, [name]))
            continue
        _refuse_hiding(config, parts, name, capabilities)
        found[name] = _source(config, registry, name, encoder, capabilities)
    if not found:
        present = [name for name in _MODALITIES if getattr(parts.model, name) is not None]
        raise ConfigError(_not_frozen(config, present))
    return found


def folder_of(config: PretrainConfig, source: TokenSource) -> TokenFolder:
    """Where the tokens of `source` go."""
    return TokenFolder(_cache(config).path, source.identity)


def cached_rows(corpus: Corpus) -> NDArray[np.int64]:
    """Rows whose tokens a run reads: those of the train and the valid split."""
    return np.sort(np.concatenate([corpus.rows("train"), corpus.rows("valid")]))


def fill_folder(
    folder: TokenFolder, source: TokenSource, corpus: Corpus, console: Console
) -> FillPlan:
    """Compute what a run on `corpus` lacks, with a bar on a terminal."""
    with _bar(console) as progress:
        return fill(
            folder,
            source,
            corpus,
            cached_rows(corpus),
            progress=progress,
            say=lambda line: console.print(line, highlight=False, soft_wrap=True),
        )


def estimates(config: PretrainConfig, parts: TrainingParts, registry: Registry) -> list[str]:
    """What filling the cache would take, one line per encoder; writes nothing.

    Raises
    ------
    ConfigError, DataError
        As `with_token_cache`.
    """
    lines = []
    for source in token_sources(config, parts, registry).values():
        folder = folder_of(config, source)
        plan = plan_fill(folder, source, parts.corpus, cached_rows(parts.corpus))
        refuse_without_room(plan, folder)
        lines.append(describe(plan, source))
    return lines


def _source(
    config: PretrainConfig,
    registry: Registry,
    name: CachedModality,
    encoder: ResidueEncoder[Any],
    capabilities: Capabilities,
) -> TokenSource:
    cache, section = _cache(config), getattr(config.model, name)
    plugin = registry.encoder(Modality(name), section.name)
    options = validate_options(plugin, section.options, f"model.{name}.options")
    return TokenSource(
        encoder=encoder,
        identity=TokenIdentity.of(registry, plugin, options, encoder, cache.dtype),
        inputs=InputHash(structure=name == "structure"),
        max_residues=capabilities.max_residues,
        device=device_of(config.trainer.accelerator),
        windows=cache.long_proteins == "window",
        tokens_per_batch=config.batch.tokens_per_batch,
    )


def device_of(accelerator: str) -> torch.device:
    """Where this process computes: the recipe's accelerator, or the best there is for "auto"."""
    if accelerator == "gpu" or (accelerator == "auto" and torch.cuda.is_available()):
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    if accelerator == "mps" or (accelerator == "auto" and torch.backends.mps.is_available()):
        return torch.device("mps")
    return torch.device("cpu")


def _cache(config: PretrainConfig) -> TokenCacheConfig:
    if config.token_cache is None:
        raise ConfigError(f"recipe {config.name}: token_cache is null; give it a path")
    return config.token_cache


def _capabilities(config: PretrainConfig, registry: Registry, name: CachedModality) -> Capabilities:
    section = getattr(config.model, name)
    plugin = registry.encoder(Modality(name), section.name)
    return plugin.capabilities(validate_options(plugin, section.options, f"model.{name}.options"))


def _learns(encoder: ResidueEncoder[Any], capabilities: Capabilities) -> bool:
    return capabilities.trainable or any(p.requires_grad for p in encoder.parameters())


def _not_frozen(config: PretrainConfig, names: list[CachedModality]) -> str:
    learning = " and ".join(f"{getattr(config.model, name).name!r} ({name})" for name in names)
    return (
        f"token_cache: {learning} learns in this recipe, so its tokens change at every step; "
        "freeze it (esm2: options.freeze=all), or set token_cache to null"
    )


def _refuse_hiding(
    config: PretrainConfig, parts: TrainingParts, name: CachedModality, capabilities: Capabilities
) -> None:
    """Raise where a batch may withhold from an encoder what its cached tokens were made from."""
    encoder = getattr(config.model, name).name
    remedy = "name only other encoders in token_cache.encoders, or set token_cache to null"
    foreign = sorted(capabilities.requires - {"sequence"})
    if name == "sequence" and foreign:
        raise ConfigError(
            f"token_cache: sequence encoder {encoder!r} reads {foreign[0]}, too, which a batch may "
            f"withhold; {remedy}"
        )
    if "sequence" not in capabilities.requires:
        return
    hiding = [key for key, each in parts.objectives.objectives.items() if _hides(each)]
    if hiding:
        raise ConfigError(
            f"token_cache: objective {hiding[0]!r} hides residues, but the cached tokens of "
            f"{encoder!r} ({name}) were computed from all of them and would tell the answers; "
            f"leave out {hiding[0]!r}, {remedy}"
        )
    withheld = config.model.sequence is not None and config.batch.sequence_dropout > 0
    if name == "structure" and withheld:
        raise ConfigError(
            f"token_cache: batch.sequence_dropout withholds the sequence, but {encoder!r} "
            "(structure) reads it and its cached tokens would tell; set batch.sequence_dropout to "
            f"0, {remedy}"
        )


def _hides(objective: Any) -> bool:
    """Whether an objective shows the model another batch than there is."""
    return type(objective).corrupt is not Objective.corrupt


def _on_crops(config: PretrainConfig, corpus: Corpus, source: TokenSource) -> str | None:
    limit = config.batch.crop_residues
    if limit is None:
        return None
    long = int((corpus.lengths[cached_rows(corpus)] > limit).sum())
    if not long:
        return None
    return (
        f"token cache: {long:,} proteins are longer than batch.crop_residues {limit}; their crops "
        f"are cut from tokens of the whole protein, where {source.name} itself would see the crop "
        "alone"
    )


@contextmanager
def _bar(console: Console) -> Iterator[Advance]:
    """A bar on a terminal, nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as bars:
        tasks: dict[str, Any] = {}

        def advance(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)

        yield advance
