"""`residue-geometry`: messages between nearest residues, seen from each residue's own frame."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from multiprot.encoders.contract import PackedTokens, ResidueEncoder, ResidueTokens
from multiprot.encoders.reference.backbone_graph import (
    DIHEDRAL_CHANNELS,
    BackboneFeatures,
    BackboneFeaturizer,
)
from multiprot.encoders.reference.plugins import ResidueGeometryConfig
from multiprot.encoders.reference.ragged import laid_out

_DISTANCES = 16
_LONGEST_DISTANCE = 20.0
_FARTHEST_STEP = 8
_EDGE_CHANNELS = _DISTANCES + 3 + 9 + (2 * _FARTHEST_STEP + 1) + 1


class ResidueGeometry(ResidueEncoder[BackboneFeatures]):
    """Backbone geometry to tokens that do not move when the protein is rotated or shifted.

    Everything is measured in local frames, which are right-handed: a mirrored protein gives other
    tokens. A residue without CA has no token; one without N or C is seen by its distances only.
    """

    def __init__(self, config: ResidueGeometryConfig) -> None:
        super().__init__()
        self.token_dim = config.width
        self.featurizer = BackboneFeaturizer(config.neighbours)
        self.embedding = nn.Linear(DIHEDRAL_CHANNELS, config.width)
        self.rounds = nn.ModuleList(MessageRound(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, features: BackboneFeatures) -> ResidueTokens | PackedTokens:
        """Tokens [protein, residue, width] or [token, width], in the layout of `features`."""
        dtype = self.embedding.weight.dtype
        edges = edge_channels(features).to(dtype)
        tokens: Tensor = self.embedding(features.dihedrals.to(dtype))
        for message_round in self.rounds:
            tokens = message_round(tokens, edges, features)
        lengths = features.lengths
        longest = int(lengths.max()) if len(lengths) else 0
        return laid_out(self.norm(tokens), features.mask, lengths, features.layout, longest)


class MessageRound(nn.Module):
    """Every residue hears its neighbours, gated by how they lie, then thinks for itself."""

    def __init__(self, config: ResidueGeometryConfig) -> None:
        super().__init__()
        width = config.width
        self.norm_message = nn.LayerNorm(width)
        self.edge = nn.Linear(_EDGE_CHANNELS, 2 * width)
        self.receiver_and_sender = nn.Linear(width, 2 * width, bias=False)
        self.heard = nn.Linear(width, width, bias=False)
        self.norm_feed_forward = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor, edges: Tensor, features: BackboneFeatures) -> Tensor:
        """Tokens [token, width] and edges [token, neighbour, channel] to tokens."""
        normed = self.norm_message(tokens)
        receiver, sender = self.receiver_and_sender(normed).chunk(2, dim=-1)
        gate, shift = self.edge(edges).chunk(2, dim=-1)
        messages = functional.silu(gate + receiver[:, None]) * (sender[features.neighbours] + shift)
        weights = features.weights.to(messages.dtype)
        # As one small matmul per residue: the weighted messages are never written out.
        mean = (weights[:, None] @ messages)[:, 0] / (1 + weights.sum(dim=1, keepdim=True))
        tokens = tokens + self.dropout(self.heard(mean))
        fed: Tensor = self.dropout(self.feed_forward(self.norm_feed_forward(tokens)))
        return tokens + fed


def edge_channels(features: BackboneFeatures) -> Tensor:
    """How each neighbour lies, as its receiver sees it.

    Computed in float32 whatever the autocast: coordinates need the digits.

    Returns
    -------
    Tensor
        float32 [token, neighbour, channel]: distance in radial bumps, direction in the receiver's
        frame (3), the neighbour's axes in that frame (9), steps along the chain (one-hot, clipped),
        and whether a peptide bond joins the two.
    """
    with torch.autocast(features.alpha.device.type, enabled=False):
        other = features.neighbours
        apart = features.alpha[other] - features.alpha[:, None]
        distance = apart.norm(dim=-1, keepdim=True)
        direction = _in_frame(features.frames, (apart / distance.clamp_min(1e-3))[..., None])
        axes = _in_frame(features.frames, features.frames[other])
        centres = torch.linspace(0, _LONGEST_DISTANCE, _DISTANCES, device=apart.device)
        bumps = torch.exp(-(((distance - centres) * (_DISTANCES / _LONGEST_DISTANCE)) ** 2))
        steps = other - torch.arange(len(other), device=other.device)[:, None]
        reach = steps.clamp(-_FARTHEST_STEP, _FARTHEST_STEP) + _FARTHEST_STEP
        chain = functional.one_hot(reach, 2 * _FARTHEST_STEP + 1).float()
        bond = ((steps == 1) & features.bonded[:, None]) | ((steps == -1) & features.bonded[other])
        parts = (bumps, direction.flatten(-2), axes.flatten(-2), chain, bond[..., None].float())
        return torch.cat(parts, dim=-1)


def _in_frame(frames: Tensor, vectors: Tensor) -> Tensor:
    """Columns of `vectors` [token, neighbour, xyz, column] in the axes of `frames` [token, ...]."""
    return (frames[:, None, :, :, None] * vectors[..., None, :]).sum(dim=-3)
