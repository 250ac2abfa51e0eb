"""Which encoders of a recipe may take their tokens from a cache, and why others may not."""

from __future__ import annotations

import os
from typing import Any, Final

import torch

from multiprot.data.token_cache.config import CachedModality, TokenCacheConfig
from multiprot.data.token_cache.encode import TokenSource
from multiprot.data.token_cache.identity import TokenIdentity
from multiprot.data.token_cache.inputs import InputHash
from multiprot.encoders.contract import (
    Objective,
    PartlyFrozen,
    ReadsSequenceTokens,
    ResidueEncoder,
)
from multiprot.encoders.options import chosen_encoder
from multiprot.encoders.plugin import Capabilities, Modality
from multiprot.encoders.registry import Registry
from multiprot.errors import ConfigError
from multiprot.training.config import PretrainConfig
from multiprot.training.parts import TrainingParts

_MODALITIES: Final[tuple[CachedModality, ...]] = ("sequence", "structure")
_REMEDY: Final = "name only other encoders in token_cache.encoders, or set token_cache to null"


def token_sources(
    config: PretrainConfig, cache: TokenCacheConfig, parts: TrainingParts, registry: Registry
) -> dict[CachedModality, TokenSource]:
    """The encoders whose tokens the recipe wants from the cache, at least one.

    Raises
    ------
    ConfigError
        If one is not frozen or reads another's tokens, or a batch may hide from it what cached
        tokens were computed from.
    """
    found: dict[CachedModality, TokenSource] = {}
    present = [name for name in _MODALITIES if getattr(parts.model, name) is not None]
    if absent := [name for name in cache.encoders or () if name not in present]:
        raise ConfigError(f"token_cache.encoders: the model has no {absent[0]} encoder; {_REMEDY}")
    learning = []
    for name in cache.encoders or present:
        encoder: ResidueEncoder[Any] = getattr(parts.model, name)
        plugin, options = chosen_encoder(registry, Modality(name), getattr(config.model, name))
        if isinstance(encoder, ReadsSequenceTokens):
            _refuse_reading(cache, plugin.name)
            continue
        capabilities = plugin.capabilities(options)
        learns = capabilities.trainable or any(p.requires_grad for p in encoder.parameters())
        source = _frozen_part(cache, encoder) if learns else encoder
        if source is None:
            learning.append(f"{plugin.name!r} ({name})")
            continue
        _refuse_hiding(config, parts, name, capabilities)
        identity = TokenIdentity.of(
            registry, plugin, options, source, cache.dtype, frozen_part=learns
        )
        found[name] = TokenSource(
            encoder=source,
            identity=identity,
            inputs=InputHash(structure=name == "structure"),
            max_residues=capabilities.max_residues,
            device=device_of(config.trainer.accelerator),
            windows=cache.long_proteins == "window",
            tokens_per_batch=config.batch.tokens_per_batch,
        )
    if learning and (cache.encoders is not None or not found):
        raise ConfigError(
            f"token_cache: tokens of an encoder that learns change at every step, and here "
            f"{' and '.join(learning)} would learn; freeze it (esm2: options.freeze=all), {_REMEDY}"
        )
    return found


def device_of(accelerator: str) -> torch.device:
    """Where this process computes: the recipe's accelerator, or the best there is for "auto"."""
    if accelerator == "gpu" or (accelerator == "auto" and torch.cuda.is_available()):
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    if accelerator == "mps" or (accelerator == "auto" and torch.backends.mps.is_available()):
        return torch.device("mps")
    return torch.device("cpu")


def _frozen_part(
    cache: TokenCacheConfig, encoder: ResidueEncoder[Any]
) -> ResidueEncoder[Any] | None:
    """What of an encoder that learns is frozen, where that is asked for by name."""
    if cache.encoders is None or not isinstance(encoder, PartlyFrozen):
        return None
    return encoder.frozen_part()


def _refuse_reading(cache: TokenCacheConfig, encoder: str) -> None:
    """Raise where tokens that are made from sequence tokens, too, are asked for by name."""
    if cache.encoders is not None:
        raise ConfigError(
            f"token_cache.encoders: structure encoder {encoder!r} reads the sequence encoder's "
            "tokens, which may change at every step and which a batch may withhold; cached ones "
            f"would be of others; {_REMEDY}"
        )


def _refuse_hiding(
    config: PretrainConfig, parts: TrainingParts, name: CachedModality, capabilities: Capabilities
) -> None:
    """Raise where a batch may withhold from an encoder what its cached tokens were made from."""
    encoder = getattr(config.model, name).name
    foreign = sorted(capabilities.requires - {"sequence"})
    if name == "sequence" and foreign:
        raise ConfigError(
            f"token_cache: sequence encoder {encoder!r} reads {foreign[0]}, too, which a batch may "
            f"withhold; {_REMEDY}"
        )
    if "sequence" not in capabilities.requires:
        return
    hiding = [key for key, each in parts.objectives.objectives.items() if _hides(each)]
    if hiding:
        raise ConfigError(
            f"token_cache: objective {hiding[0]!r} hides residues, but the cached tokens of "
            f"{encoder!r} ({name}) were computed from all of them and would tell the answers; "
            f"leave out {hiding[0]!r}, {_REMEDY}"
        )
    withheld = config.model.sequence is not None and config.batch.sequence_dropout > 0
    if name == "structure" and withheld:
        raise ConfigError(
            f"token_cache: batch.sequence_dropout withholds the sequence, but {encoder!r} "
            "(structure) reads it and its cached tokens would tell; set batch.sequence_dropout to "
            f"0, {_REMEDY}"
        )


def _hides(objective: Any) -> bool:
    """Whether an objective shows the model other residues than there are."""
    changes: bool = type(objective).corrupt is not Objective.corrupt
    return changes and type(objective).hides_residues
