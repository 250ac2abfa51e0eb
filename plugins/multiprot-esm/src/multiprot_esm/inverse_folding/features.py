"""Records to the graph that ESM-IF1 reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from multiprot.encoders.contract import Layout
from multiprot.errors import PluginError
from multiprot.proteins import ProteinRecord
from multiprot_esm.inverse_folding.geometry import Backbone, read_backbone, unit

_DISTANCES, _FARTHEST = 16, 20.0
"""How many distances an edge is compared with, from 0 to this many Å."""

_FREQUENCIES = 8
"""How many waves tell an edge's separation along the chain."""


@dataclass(frozen=True, slots=True, eq=False)
class EsmIf1Features:
    """Backbones of a batch; a row is a residue, or one of the two empty places about a protein.

    Attributes
    ----------
    dihedrals
        float32 [row, 6], all proteins' rows one after another.
    directions, frames
        float32 [row, 3, xyz].
    seen
        bool [row]: N, CA and C were seen.
    edges
        int64 [2, edge]: sending and receiving row.
    edge_scalars
        float32 [edge, 34]: distance, separation along the chain, two places that are always 0.
    edge_vectors
        float32 [edge, 1, xyz], unit: from the receiving to the sending residue.
    positions
        int64 [protein, longest + 2]: place in the chain; 0 at padding.
    filled
        bool [protein, longest + 2]: False at padding.
    mask
        bool [protein, longest]: the residue was seen.
    """

    dihedrals: Tensor
    directions: Tensor
    frames: Tensor
    seen: Tensor
    edges: Tensor
    edge_scalars: Tensor
    edge_vectors: Tensor
    positions: Tensor
    filled: Tensor
    mask: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        """The same features on `device`."""
        return self._map(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """The same features in page-locked memory."""
        return self._map(lambda part: part.pin_memory())

    def _map(self, move: Callable[[Tensor], Tensor]) -> Self:
        return replace(self, **{part.name: move(getattr(self, part.name)) for part in fields(self)})


@dataclass(frozen=True, slots=True)
class EsmIf1Featurizer:
    """Makes `EsmIf1Features`.

    Attributes
    ----------
    neighbours
        Nearest residues that a residue sends messages to, itself included.
    """

    neighbours: int

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> EsmIf1Features:
        """Backbones of `records`, row by row.

        Raises
        ------
        PluginError
            If the layout is packed.
        """
        if layout is not Layout.PADDED:
            raise PluginError("esm-if1 takes padded batches only; its capabilities say packs=False")
        backbones = [read_backbone(record, self.neighbours) for record in records]
        rows = [len(backbone.seen) for backbone in backbones]
        longest = max(rows, default=2)
        positions = np.zeros((len(rows), longest), np.int64)
        mask = np.zeros((len(rows), longest - 2), np.bool_)
        for protein, backbone in enumerate(backbones):
            positions[protein, : rows[protein]] = backbone.positions
            mask[protein, : rows[protein] - 2] = backbone.seen[1:-1]
        starts = np.cumsum([0, *rows])
        edges = [b.edges + start for b, start in zip(backbones, starts, strict=False)]
        edge_scalars, edge_vectors = _edge_features(backbones)
        return EsmIf1Features(
            dihedrals=_joined([b.dihedrals for b in backbones], (0, 6)),
            directions=_joined([b.directions for b in backbones], (0, 3, 3)),
            frames=_joined([b.frames for b in backbones], (0, 3, 3)),
            seen=torch.from_numpy(np.concatenate([np.zeros(0, np.bool_), *_seen(backbones)])),
            edges=torch.from_numpy(np.concatenate([np.zeros((2, 0), np.int64), *edges], axis=1)),
            edge_scalars=edge_scalars,
            edge_vectors=edge_vectors,
            positions=torch.from_numpy(positions),
            filled=torch.from_numpy(np.arange(longest) < np.array(rows, np.int64)[:, None]),
            mask=torch.from_numpy(mask),
        )


def _seen(backbones: Sequence[Backbone]) -> list[Any]:
    return [backbone.seen for backbone in backbones]


def _joined(parts: Sequence[Any], empty: tuple[int, ...]) -> Tensor:
    """`parts` one after another in float32; `empty` is the shape where there are none."""
    return torch.from_numpy(np.concatenate([np.zeros(empty), *parts]).astype(np.float32))


def _edge_features(backbones: Sequence[Backbone]) -> tuple[Tensor, Tensor]:
    """Scalars [edge, 34] and vectors [edge, 1, xyz]."""
    offsets = np.concatenate([np.zeros((0, 3)), *(b.offsets for b in backbones)])
    apart = [b.positions[b.edges[0]] - b.positions[b.edges[1]] for b in backbones]
    separation = np.concatenate([np.zeros(0, np.int64), *apart])
    distances = np.sqrt(np.square(offsets).sum(-1) + 1e-8)
    centres = np.linspace(0.0, _FARTHEST, _DISTANCES)
    near = np.exp(-np.square((distances[:, None] - centres) / (_FARTHEST / _DISTANCES)))
    waves = separation[:, None] * 1e4 ** (-np.arange(_FREQUENCIES) / _FREQUENCIES)
    unused = np.zeros((len(offsets), 2))
    scalars = np.concatenate([near, np.cos(waves), np.sin(waves), unused], axis=-1)
    return _joined([scalars], (0, 34)), _joined([unit(offsets)[:, None]], (0, 1, 3))
