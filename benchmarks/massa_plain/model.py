"""The model: every decoder layer reads the first input, so that only the last one learns.

`PlainMassaConfig.decoder_layers` 1 is the same model without the layers that do not. Attention
writes its scores out; heads read all rows, padding too.
"""

from __future__ import annotations

import math
import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.massa_plain.config import PlainMassaConfig
from benchmarks.massa_plain.masks import PlainBatch
from benchmarks.massa_plain.structure import StructureNetwork


class PositionedConvolutions(nn.Module):
    """Sequence block: positions, a linear map and gated convolutions."""

    def __init__(self, config: PlainMassaConfig) -> None:
        super().__init__()
        kernel, width = config.conv_kernel, config.width
        self.positions = nn.Embedding(config.positions, config.sequence_dim)
        self.input = nn.Linear(config.sequence_dim, width)
        self.layers = nn.ModuleList(
            nn.Conv1d(width, 2 * width, kernel, padding=kernel // 2)
            for _ in range(config.conv_layers)
        )
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.conv_dropout)

    def forward(self, residues: Tensor) -> Tensor:
        """States [protein, residue, channel] of vectors [protein, residue, channel]."""
        length, most = residues.shape[1], self.positions.num_embeddings
        if length > most:
            raise ValueError(f"{length} residues, but positions for {most}; crop the protein")
        places = self.positions(torch.arange(length))
        states = self.input(self.dropout(residues + places)).transpose(1, 2)
        for layer in self.layers:
            states = (states + F.glu(layer(self.dropout(states)), dim=1)) * math.sqrt(0.5)
        normed: Tensor = self.norm(states.transpose(1, 2))
        return normed


class Attention(nn.Module):
    """Attention of several heads, scores written out."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))
        self.dropout = nn.Dropout(dropout)

    def forward(self, asking: Tensor, asked: Tensor, mask: Tensor) -> Tensor:
        """What rows of `asking` read from rows of `asked` where `mask` [protein, row] is True."""
        query, key, value = (
            each.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for each in (self.query(asking), self.key(asked), self.value(asked))
        )
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        scores = scores.masked_fill(~mask[:, None, None, :], -1e10)
        read = self.dropout(scores.softmax(-1)) @ value
        out: Tensor = self.output(read.transpose(1, 2).flatten(-2))
        return out


class TransformerLayer(nn.Module):
    """Self-attention, perhaps attention to others, and a perceptron, with one shared norm after."""

    def __init__(
        self, width: int, heads: int, inner: int, dropout: float, *, crosses: bool
    ) -> None:
        super().__init__()
        self.own = Attention(width, heads, dropout)
        self.cross = Attention(width, heads, dropout) if crosses else None
        self.perceptron = nn.Sequential(
            nn.Linear(width, inner), nn.ReLU(), nn.Dropout(dropout), nn.Linear(inner, width)
        )
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, rows: Tensor, mask: Tensor, others: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """Rows [protein, row, channel] after the layer; `others` are rows and their mask."""
        rows = self.norm(rows + self.dropout(self.own(rows, rows, mask)))
        if self.cross is not None and others is not None:
            rows = self.norm(rows + self.dropout(self.cross(rows, *others)))
        out: Tensor = self.norm(rows + self.dropout(self.perceptron(rows)))
        return out


class ProteinGo(nn.Module):
    """Last block: residues attend to terms, terms to residues, and five heads read them.

    The published sizes, 17.37 million and 8.93 million without gradient, are met where terms have
    self-attention, too, and one linear map in each direction, shared by the layers, precedes
    cross-attention.
    """

    def __init__(self, config: PlainMassaConfig) -> None:
        super().__init__()
        width, go_width = config.width, config.go_width
        self.to_protein, self.to_go = nn.Linear(go_width, width), nn.Linear(width, go_width)
        self.protein_layers, self.go_layers = nn.ModuleList(), nn.ModuleList()
        for _ in range(config.decoder_layers):
            self.protein_layers.append(_protein_layer(config, crosses=True))
            self.go_layers.append(_go_layer(config, crosses=True))
        self.heads = nn.ModuleDict(
            {
                "residue": nn.Linear(width, config.residue_classes),
                "go": nn.Linear(go_width, config.go_classes),
                "motif": nn.Linear(width, config.motif_classes),
                "domain": nn.Linear(width, config.domain_classes),
                "region": nn.Linear(width, config.region_classes),
            }
        )

    def forward(
        self, protein: Tensor, protein_mask: Tensor, go: Tensor, go_mask: Tensor
    ) -> dict[str, Tensor]:
        """Logits [protein, residue or term, class] by objective."""
        terms_seen, residues_seen = (
            (self.to_protein(go), go_mask),
            (self.to_go(protein), protein_mask),
        )
        residues, terms = protein, go
        for protein_layer, go_layer in zip(self.protein_layers, self.go_layers, strict=True):
            # The released fault: every layer reads `protein` and `go`, none the former's output.
            residues = protein_layer(protein, protein_mask, terms_seen)
            terms = go_layer(go, go_mask, residues_seen)
        return {
            name: head(terms if name == "go" else residues) for name, head in self.heads.items()
        }


def _protein_layer(config: PlainMassaConfig, *, crosses: bool) -> TransformerLayer:
    return TransformerLayer(
        config.width, config.heads, config.inner, config.dropout, crosses=crosses
    )


def _go_layer(config: PlainMassaConfig, *, crosses: bool) -> TransformerLayer:
    return TransformerLayer(
        config.go_width, config.go_heads, config.go_inner, config.dropout, crosses=crosses
    )


class LayerStack(nn.Module):
    """A linear map, where asked for a ReLU, and layers of self-attention."""

    def __init__(self, given: int, layers: list[TransformerLayer], *, rectified: bool) -> None:
        super().__init__()
        self.input = nn.Linear(given, layers[0].norm.normalized_shape[0])
        self.layers = nn.ModuleList(layers)
        self.rectified = rectified

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Rows [protein, row, channel] after all layers."""
        rows = self.input(rows)
        rows = rows.relu() if self.rectified else rows
        for layer in self.layers:
            rows = layer(rows, mask)
        return rows


class PlainMassa(nn.Module):
    """MASSA as released, without the head for model quality that it builds and never calls."""

    def __init__(self, config: PlainMassaConfig) -> None:
        super().__init__()
        self.config = config
        self.chance = random.Random(config.seed)
        numbers = np.random.default_rng(config.seed)
        shape = (config.go_classes, config.go_dim)
        # Stand-ins for the static vectors of terms, which take no part in the training.
        self.go_vectors = numbers.standard_normal(shape, dtype=np.float32)
        protein = [_protein_layer(config, crosses=False) for _ in range(config.fusion_layers)]
        go = [_go_layer(config, crosses=False) for _ in range(config.go_layers)]
        self.sequence = PositionedConvolutions(config)
        self.structure = StructureNetwork(config)
        self.fusion = LayerStack(2 * config.width, protein, rectified=True)
        self.go = LayerStack(config.go_dim, go, rectified=False)
        self.protein_go = ProteinGo(config)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, batch: PlainBatch) -> dict[str, Tensor]:
        """Logits [protein, residue or term, class] by objective."""
        sequence = self.sequence(batch.residues)
        structure = torch.zeros_like(sequence)
        for number, graph in enumerate(batch.graphs):
            structure[number, : len(graph.node_scalars)] = self.structure(graph)
        both = torch.cat([sequence, structure], dim=-1)
        protein = self.fusion(both, batch.residue_mask)
        go = self.go(batch.terms, batch.term_mask)
        logits: dict[str, Tensor] = self.protein_go(
            protein, batch.residue_mask, go, batch.term_mask
        )
        return logits
