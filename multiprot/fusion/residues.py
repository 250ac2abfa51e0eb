"""Residue-level fusion: sequence and structure tokens become one token per residue."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import ResidueTokens
from multiprot.encoders.rotary import rotary_turns
from multiprot.fusion.attention import LayerShape, TokenNorm, TransformerLayer
from multiprot.fusion.config import FusionConfig
from multiprot.fusion.cross_attention import FusionLayer
from multiprot.fusion.grouping import Streams, alike
from multiprot.fusion.joined import Concatenation
from multiprot.fusion.projection import OnlyStream, StreamSum


def residue_fusion(
    config: FusionConfig, streams: tuple[str, ...]
) -> tuple[nn.ModuleList, nn.Module]:
    """Layers and what makes one stream of two, in the way that `config.residues` says."""
    if config.residues == "cross-attention":
        layers = (FusionLayer(config, streams) for _ in range(config.layers))
        return nn.ModuleList(layers), StreamSum(config.width, streams)
    if config.residues == "alone":
        return nn.ModuleList(), OnlyStream()
    shape = layer_shape(config)
    joined: list[nn.Module] = [TransformerLayer(shape) for _ in range(config.layers)]
    if config.norm_first:
        joined.append(TokenNorm(config.width))
    return nn.ModuleList(joined), Concatenation(config.width, streams)


def layer_shape(config: FusionConfig) -> LayerShape:
    """Sizes of the layers that residues look at one another in."""
    return LayerShape(
        width=config.width,
        heads=config.heads,
        hidden=round(config.ffn_multiple * config.width),
        dropout=config.dropout,
        norm_first=config.norm_first,
    )


def fuse_residues(
    config: FusionConfig,
    layers: nn.ModuleList,
    join: nn.Module,
    encoded: Streams,
    residue_mask: Tensor,
) -> ResidueTokens:
    """Fused tokens [protein, residue, width].

    Parameters
    ----------
    config
        Says which comes first, layers or join.
    layers, join
        As `residue_fusion` made them.
    encoded
        Tokens of each stream; None for one that no protein has.
    residue_mask
        bool [protein, residue].

    Raises
    ------
    DataError
        If no protein has any stream.
    """
    if config.residues != "cross-attention":
        fused: ResidueTokens = join(encoded)
        for layer in layers:
            fused = layer(fused)
        return fused
    channels = config.width // config.heads
    positions = torch.arange(residue_mask.shape[1], device=residue_mask.device)
    turns = rotary_turns(positions, channels, config.rotary_base)
    parts, order = [], []
    # Proteins that have the same streams go through the layers together.
    for rows, streams in alike(encoded):
        for layer in layers:
            streams = layer(streams, turns)
        parts.append(join(streams))
        order.append(rows)
    back = torch.cat(order).argsort()
    return ResidueTokens(
        torch.cat([part.values for part in parts])[back],
        torch.cat([part.mask for part in parts])[back],
    )
