"""Into the space that proteins and GO terms share, and how two streams become one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from multiprot.encoders.contract import ResidueTokens
from multiprot.fusion.config import FusionConfig
from multiprot.fusion.grouping import Streams, known_streams
from multiprot.fusion.tokens import cleared


class SharedProjection(nn.Module):
    """Two layers and scaling to unit length, so that a dot product is a cosine."""

    def __init__(self, channels: int, shared_dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, 2 * channels),
            nn.GELU(),
            nn.Linear(2 * channels, shared_dim),
        )

    def forward(self, vectors: Tensor) -> Tensor:
        """Unit vectors, float32 [item, shared], of `vectors` [item, channel]."""
        return functional.normalize(self.layers(vectors).float(), dim=-1)


class StreamProjection(nn.Module):
    """An encoder's tokens in the fusion width, cleared behind the mask before anything reads them.

    The first norm makes encoders of any scale alike.
    """

    def __init__(self, token_dim: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(token_dim)
        self.linear = nn.Linear(token_dim, width)

    def forward(self, tokens: ResidueTokens) -> ResidueTokens:
        """Tokens [protein, residue, width], exact zeros where the mask is False."""
        known = cleared(tokens.values, tokens.mask)
        return ResidueTokens(cleared(self.linear(self.norm(known)), tokens.mask), tokens.mask)


class NoSharedSpace(nn.Module):
    """In the place of `SharedProjection` in a model that shares no space with GO terms."""

    def forward(self, vectors: Tensor) -> Tensor:
        """Vectors without channels, float32 [item, 0]."""
        return vectors[..., :0].float()


class PlainStream(nn.Module):
    """The tokens of a model's only encoder: as they are, or behind one linear map.

    A mean of linear maps is the map of the mean, so that mean pooling and a head on it, as in
    MTDP's student, are the same as the head's width here.
    """

    def __init__(self, token_dim: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Identity() if token_dim == width else nn.Linear(token_dim, width)

    def forward(self, tokens: ResidueTokens) -> ResidueTokens:
        """As `StreamProjection.forward`."""
        mapped = self.linear(cleared(tokens.values, tokens.mask))
        return ResidueTokens(cleared(mapped, tokens.mask), tokens.mask)


def stream_projection(config: FusionConfig, token_dim: int) -> nn.Module:
    """From an encoder's tokens, of `token_dim` channels, to those of the fusion width."""
    if config.residues == "alone":
        return PlainStream(token_dim, config.width)
    return StreamProjection(token_dim, config.width)


class OnlyStream(nn.Module):
    """Fused tokens where there is one encoder: its own."""

    def forward(self, streams: Streams) -> ResidueTokens:
        """The tokens [protein, residue, width] of the one stream."""
        [tokens] = known_streams(streams).values()
        return tokens


class StreamSum(nn.Module):
    """Fused tokens: the sum over the streams that have the residue, each through its own layer.

    A sum, not a mean: what a protein's sequence says is not halved where it has a structure too.
    """

    def __init__(self, width: int, streams: tuple[str, ...]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(
            {name: nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width)) for name in streams}
        )

    def forward(self, streams: Streams) -> ResidueTokens:
        """Tokens [protein, residue, width]; zeros with mask False where no stream has a token."""
        known = known_streams(streams)
        present = torch.stack([tokens.mask for tokens in known.values()]).any(dim=0)
        total = torch.stack(
            [
                cleared(self.parts[name](tokens.values), tokens.mask)
                for name, tokens in known.items()
            ]
        ).sum(dim=0)
        return ResidueTokens(total, present)
