"""ESM-IF1's encoder: a graph of backbones in, one token per residue out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import ResidueEncoder, ResidueTokens
from multiprot_esm.inverse_folding.checkpoint import load, read_checkpoint
from multiprot_esm.inverse_folding.features import EsmIf1Features, EsmIf1Featurizer
from multiprot_esm.inverse_folding.layers import (
    GraphLayer,
    Pair,
    PairNorm,
    Perceptron,
    TransformerLayer,
)
from multiprot_esm.inverse_folding.options import RELEASED, EsmIf1Options, Sizes


class EsmIf1Encoder(ResidueEncoder[EsmIf1Features]):
    """The encoder of ESM-IF1: GVP layers over a graph of neighbours, then a transformer.

    Hsu et al., *Learning inverse folding from millions of predicted structures*, ICML 2022.
    Shape law: [protein, longest protein, `token_dim`], the last layer after its norm; rows about a
    protein are added on the way in and stripped on the way out.

    Attributes
    ----------
    portable_options
        Options that build the same encoder with random weights where there is no checkpoint.
    """

    def __init__(self, options: EsmIf1Options) -> None:
        super().__init__()
        weights = None
        sizes = options.sizes or RELEASED
        if options.checkpoint is not None:
            sizes, weights = read_checkpoint(Path(options.checkpoint))
        self._build(sizes, options.dropout)
        if weights is not None:
            load(self, weights, str(options.checkpoint))
        self.token_dim = sizes.width
        self.featurizer = EsmIf1Featurizer(sizes.neighbours)
        self._frozen = options.freeze == "all"
        self.requires_grad_(not self._frozen)
        self.portable_options: dict[str, Any] = {
            "sizes": sizes.model_dump(),
            "dropout": options.dropout,
            "freeze": options.freeze,
        }
        self.train(self.training)

    def _build(self, sizes: Sizes, dropout: float) -> None:
        width = sizes.width
        self.mask_token = nn.Parameter(torch.randn(width) * width**-0.5)
        self.embed_gvp_input_features = nn.Linear(15, width)
        self.embed_confidence = nn.Linear(_CONFIDENCES, width)
        self.embed_dihedrals = Dihedrals(width)
        self.gvp_encoder = GraphEncoder(sizes, dropout)
        self.embed_gvp_output = nn.Linear(sizes.scalars + 3 * sizes.vectors, width)
        self.dropout_module = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            TransformerLayer(width, sizes.heads, sizes.feed_forward_width, dropout)
            for _ in range(sizes.layers)
        )
        self.layer_norm = nn.LayerNorm(width)

    def forward(self, features: EsmIf1Features) -> ResidueTokens:
        """Tokens of `features`."""
        if not len(features.mask):
            return ResidueTokens(self.mask_token.new_zeros(0, 0, self.token_dim), features.mask)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self._frozen):
            rows = self._padded(self._embedded(features), features)
            for layer in self.layers:
                rows = layer(rows, features.filled)
            values = self.layer_norm(rows)[:, 1:-1]
        return ResidueTokens(values.masked_fill(~features.mask.unsqueeze(-1), 0.0), features.mask)

    def _embedded(self, features: EsmIf1Features) -> Tensor:
        """[row, width]: all that is known of a row before the transformer."""
        sure = confidence(features.seen).to(self.mask_token.dtype)
        scalars, vectors = self.gvp_encoder(features, sure)
        seen = torch.cat([scalars, in_frame(vectors, features.frames)], dim=-1)
        given = torch.cat(
            [features.dihedrals, in_frame(features.directions, features.frames)], dim=-1
        )
        parts = (
            self.mask_token * math.sqrt(self.token_dim),
            self.embed_dihedrals(features.dihedrals),
            self.embed_gvp_output(seen),
            self.embed_confidence(sure),
            self.embed_gvp_input_features(given),
        )
        total: Tensor = sum(parts[1:], parts[0])
        return total

    def _padded(self, rows: Tensor, features: EsmIf1Features) -> Tensor:
        """[protein, row, width] of `rows` with their places in the chain, zero at padding."""
        filled = features.filled
        padded = rows.new_zeros(*filled.shape, rows.shape[-1])
        padded[filled] = rows + waves(features.positions[filled], self.token_dim).to(rows.dtype)
        return self.dropout_module(padded)  # type: ignore[no-any-return]

    def train(self, mode: bool = True) -> Self:
        """As in torch, but a frozen encoder stays as in use: no dropout."""
        return super().train(mode and not self._frozen)


class GraphEncoder(nn.Module):
    """GVP layers over each residue's neighbours."""

    def __init__(self, sizes: Sizes, dropout: float) -> None:
        super().__init__()
        nodes, edges = (sizes.scalars, sizes.vectors), (sizes.edge_scalars, sizes.edge_vectors)
        self.embed_graph = nn.ModuleDict(
            {
                "embed_node": _embedding((7, 3), nodes),
                "embed_edge": _embedding((34, 1), edges),
                "embed_confidence": nn.Linear(_CONFIDENCES, sizes.scalars),
            }
        )
        self.encoder_layers = nn.ModuleList(
            GraphLayer(nodes, edges, dropout) for _ in range(sizes.graph_layers)
        )

    def forward(self, features: EsmIf1Features, sure: Tensor) -> Pair:
        """Scalars and vectors of every row."""
        known = torch.cat(
            [features.dihedrals, features.seen.unsqueeze(-1).to(features.dihedrals.dtype)], dim=-1
        )
        scalars, vectors = self.embed_graph["embed_node"]((known, features.directions))
        nodes: Pair = (scalars + self.embed_graph["embed_confidence"](sure), vectors)
        edges = self.embed_graph["embed_edge"]((features.edge_scalars, features.edge_vectors))
        for layer in self.encoder_layers:
            nodes = layer(nodes, edges, features.edges)
        return nodes


class Dihedrals(nn.Module):
    """Dihedrals in the transformer's width, normed."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.node_embedding = nn.Linear(6, width)
        self.norm_nodes = nn.ParameterDict({"gain": torch.ones(width), "bias": torch.zeros(width)})

    def forward(self, dihedrals: Tensor) -> Tensor:
        """[row, width] of [row, 6]."""
        rows = self.node_embedding(dihedrals)
        spread = (rows.var(-1, keepdim=True) + 1e-6).sqrt() + 1e-6
        normed: Tensor = (rows - rows.mean(-1, keepdim=True)) / spread
        scaled: Tensor = self.norm_nodes["gain"] * normed + self.norm_nodes["bias"]
        return scaled


_CONFIDENCES = 16


def _embedding(before: tuple[int, int], after: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(Perceptron(before, after, gated=False, active=False), PairNorm(after))


def confidence(seen: Tensor) -> Tensor:
    """[row, 16]: how near each row's confidence, 1 or 0, is to 16 values from 0 to 1."""
    centres = torch.linspace(0.0, 1.0, _CONFIDENCES, device=seen.device)
    return (-((seen.unsqueeze(-1).float() - centres) * _CONFIDENCES).square()).exp()


def in_frame(vectors: Tensor, frames: Tensor) -> Tensor:
    """[row, 3 · channel]: vectors [row, channel, xyz] along the axes of their row's frame."""
    return torch.einsum("rcx,rax->rca", vectors, frames.to(vectors.dtype)).flatten(1)


def waves(positions: Tensor, width: int) -> Tensor:
    """[row, width]: sines, then cosines of each position at falling frequencies."""
    half = width // 2
    frequencies = torch.arange(half, device=positions.device) * (-math.log(1e4) / (half - 1))
    # The first place that the authors' code counts is 2, behind that of padding.
    angles = (positions + 2).unsqueeze(-1) * frequencies.exp()
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
