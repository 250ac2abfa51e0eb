"""An encoder alone, or with one of structures, as a whole model: it can be saved and predict.

The fusion has no layers, and its weights pass on what the encoder gives: of every token, and of the
mean over a protein's tokens, nothing is lost but its mean and its scale over the channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from multiprot.config import load_config
from multiprot.encoders.contract import ReadsSequenceTokens
from multiprot.encoders.options import chosen_encoder
from multiprot.encoders.plugin import Modality
from multiprot.encoders.registry import ENCODER_GROUPS, Registry
from multiprot.encoders.section import EncoderSection
from multiprot.errors import ConfigError, TrainingError
from multiprot.fusion import FusionConfig, FusionModel, ModelConfig
from multiprot.fusion.pooling import ProteinPool
from multiprot.training.seeding import seed_at

_SHARED: Final = 2
"""Channels of the space shared with GO terms, which such a model does not have."""


@dataclass(frozen=True, slots=True)
class StructureChoice:
    """A structure encoder that is to stand beside a sequence encoder.

    Attributes
    ----------
    encoder
        "NAME" or "NAME:CHECKPOINT".
    overrides
        Further options, `KEY=VALUE`.
    """

    encoder: str
    overrides: tuple[str, ...] = ()


def is_encoder(registry: Registry, model: str) -> bool:
    """Whether `model` is "NAME" or "NAME:CHECKPOINT" of an installed sequence encoder."""
    return model.partition(":")[0] in registry.names(ENCODER_GROUPS[Modality.SEQUENCE])


def model_of_encoder(
    registry: Registry,
    model: str,
    overrides: Sequence[str] = (),
    *,
    beside: StructureChoice | None = None,
    seed: int = 0,
) -> tuple[FusionModel, ModelConfig]:
    """The model around a sequence encoder, and what it is built from.

    Parameters
    ----------
    registry
        Where encoders are looked up.
    model
        "NAME" or "NAME:CHECKPOINT".
    overrides
        Further options, `KEY=VALUE`.
    beside
        A structure encoder that the model has, too: tokens, and the vectors that are their mean,
        are then those of both side by side, with zeros where there is no structure.
    seed
        Decides the weights of a structure encoder without a checkpoint.

    Raises
    ------
    ConfigError, PluginError
        If an option is wrong or a checkpoint cannot be read.
    TrainingError
        If the channels of all encoders together are an odd number.
    """
    section = _section(registry, Modality.SEQUENCE, model, overrides)
    other = None
    if beside is not None:
        other = _section(registry, Modality.STRUCTURE, beside.encoder, beside.overrides)
    with torch.random.fork_rng(devices=[]):
        # Without a checkpoint, weights are drawn: the same ones as where it embeds.
        torch.manual_seed(0)
        encoder = _built(registry, Modality.SEQUENCE, section)
        structure = None
        if other is not None:
            structure = _structure_encoder(registry, other, encoder.token_dim, seed)
        config = _config(section, other, sum(e.token_dim for e in (encoder, structure) if e))
        fused = FusionModel(config.fusion, encoder, structure, None)
    _pass_on(fused)
    return fused.eval(), config


def _section(
    registry: Registry, modality: Modality, named: str, overrides: Sequence[str]
) -> EncoderSection:
    name, _, checkpoint = named.partition(":")
    plugin = registry.encoder(modality, name)
    given: dict[str, object] = {"checkpoint": checkpoint} if checkpoint else {}
    if checkpoint and "checkpoint" not in plugin.config.model_fields:
        raise ConfigError(
            f"{named}: encoder {name} takes no checkpoint; give its options as KEY=VALUE (see "
            f"`multiprot plugins show {name}`)"
        )
    options = load_config(plugin.config, None, overrides, default=given).value
    return EncoderSection(name=name, options=options.model_dump(mode="json"))


def _built(registry: Registry, modality: Modality, section: EncoderSection) -> Any:
    plugin, options = chosen_encoder(registry, modality, section)
    return plugin.build(options)


def _structure_encoder(
    registry: Registry, section: EncoderSection, token_dim: int, seed: int
) -> Any:
    """With weights drawn by `seed`, bound to sequence tokens if it reads them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_at(seed, "structure encoder"))
        encoder = _built(registry, Modality.STRUCTURE, section)
        if isinstance(encoder, ReadsSequenceTokens):
            encoder.bind_sequence(token_dim)
    return encoder


def _config(sequence: EncoderSection, structure: EncoderSection | None, width: int) -> ModelConfig:
    if width % 2:
        raise TrainingError(
            f"encoder {sequence.name!r}{'' if structure is None else f' with {structure.name!r}'} "
            f"gives tokens of {width} channels; an even number is needed"
        )
    fusion = FusionConfig(
        width=width,
        layers=0,
        heads=1,
        pooling="attention" if structure is None else "mean",
        pooling_heads=1,
        ffn_multiple=1 / width,
        shared_dim=_SHARED,
    )
    return ModelConfig(sequence=sequence, structure=structure, fusion=fusion)


@torch.no_grad()
def _pass_on(model: FusionModel) -> None:
    """Make every layer behind the encoders an identity, and the pooling a mean.

    Each stream has channels of its own, one stream behind the other.
    """
    join: Any = model.sum
    begin = 0
    for name in model.streams:
        projection: Any = model.streams[name]
        end = begin + projection.linear.in_features
        nn.init.zeros_(projection.linear.weight)
        nn.init.eye_(projection.linear.weight[begin:end])
        nn.init.eye_(join.parts[name][-1].weight)
        for linear in (projection.linear, join.parts[name][-1]):
            nn.init.zeros_(linear.bias)
        begin = end
    if isinstance(model.pool, ProteinPool):
        _pool_the_mean(model.pool, model.config.width)


def _pool_the_mean(pool: ProteinPool, width: int) -> None:
    last: Any = list(pool.bent)[-1]
    begin = width * list(pool.norms).index("mean")
    nn.init.zeros_(pool.linear.weight)
    nn.init.zeros_(pool.linear.bias)
    nn.init.eye_(pool.linear.weight[:, begin : begin + width])
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
