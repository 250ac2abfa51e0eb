"""An encoder alone as a whole model, so that it can be saved, embed and predict.

The fusion has no layers, and its weights pass on what the encoder gives: of every token, and of the
mean over a protein's tokens, nothing is lost but its mean and its scale over the channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import nn

from multiprot.config import load_config
from multiprot.encoders.plugin import Modality
from multiprot.encoders.registry import ENCODER_GROUPS, Registry
from multiprot.encoders.section import EncoderSection
from multiprot.errors import ConfigError, TrainingError
from multiprot.fusion import FusionConfig, FusionModel, ModelConfig

_SHARED: Final = 2
"""Channels of the space shared with GO terms, which such a model does not have."""

_STREAM: Final = "sequence"


def is_encoder(registry: Registry, model: str) -> bool:
    """Whether `model` is "NAME" or "NAME:CHECKPOINT" of an installed sequence encoder."""
    return model.partition(":")[0] in registry.names(ENCODER_GROUPS[Modality.SEQUENCE])


def model_of_encoder(
    registry: Registry, model: str, overrides: Sequence[str] = ()
) -> tuple[FusionModel, ModelConfig]:
    """The model around a sequence encoder, and what it is built from.

    Parameters
    ----------
    registry
        Where the encoder is looked up.
    model
        "NAME" or "NAME:CHECKPOINT".
    overrides
        Further options, `KEY=VALUE`.

    Raises
    ------
    ConfigError, PluginError
        If an option is wrong or the checkpoint cannot be read.
    TrainingError
        If the encoder has an odd number of channels.
    """
    name, _, checkpoint = model.partition(":")
    plugin = registry.encoder(Modality.SEQUENCE, name)
    given: dict[str, object] = {"checkpoint": checkpoint} if checkpoint else {}
    if checkpoint and "checkpoint" not in plugin.config.model_fields:
        raise ConfigError(
            f"{model}: encoder {name} takes no checkpoint; give its options as KEY=VALUE (see "
            f"`multiprot plugins show {name}`)"
        )
    options = load_config(plugin.config, None, overrides, default=given).value
    with torch.random.fork_rng(devices=[]):
        # Without a checkpoint, weights are drawn: the same ones as where it embeds.
        torch.manual_seed(0)
        encoder: Any = plugin.build(options)
        config = _config(name, options.model_dump(mode="json"), encoder.token_dim)
        fused = FusionModel(config.fusion, encoder, None, None)
    _pass_on(fused)
    return fused.eval(), config


def _config(name: str, options: dict[str, Any], width: int) -> ModelConfig:
    if width % 2:
        raise TrainingError(
            f"encoder {name!r} gives tokens of {width} channels; an even number is needed"
        )
    fusion = FusionConfig(
        width=width,
        layers=0,
        heads=1,
        pooling_heads=1,
        ffn_multiple=1 / width,
        shared_dim=_SHARED,
    )
    return ModelConfig(sequence=EncoderSection(name=name, options=options), fusion=fusion)


@torch.no_grad()
def _pass_on(model: FusionModel) -> None:
    """Make every layer behind the encoder an identity, and the pooling a mean."""
    projection: Any = model.streams[_STREAM]
    join: Any = model.sum
    pool: Any = model.pool
    fused, last = join.parts[_STREAM], list(pool.bent)[-1]
    for linear in (projection.linear, fused[-1]):
        nn.init.eye_(linear.weight)
        nn.init.zeros_(linear.bias)
    width = model.config.width
    begin = width * list(pool.norms).index("mean")
    pooled = pool.linear
    nn.init.zeros_(pooled.weight)
    nn.init.zeros_(pooled.bias)
    nn.init.eye_(pooled.weight[:, begin : begin + width])
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
