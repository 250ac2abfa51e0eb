"""How near the nearest residues are: replace it by what you want to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor, nn

from multiprot.encoders.contract import Layout, ResidueEncoder, ResidueTokens
from multiprot.errors import PluginError
from multiprot.proteins import BackboneStructure, ProteinRecord
from multiprot_template_encoder.plugin import TemplateEncoderOptions

REACH = 10.0
"""Å at which nearness has fallen to 1/e."""


@dataclass(frozen=True)
class Nearness:
    """Features of a batch.

    Attributes
    ----------
    values
        float32 [protein, residue, channel]: what `nearness` tells of each residue, else 0.
    mask
        bool [protein, residue]: the residue's CA was seen.
    """

    values: Tensor
    mask: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> Nearness:
        """The same on another device."""
        return Nearness(
            self.values.to(device, non_blocking=non_blocking),
            self.mask.to(device, non_blocking=non_blocking),
        )

    def pin_memory(self) -> Nearness:
        """The same in page-locked memory."""
        return Nearness(self.values.pin_memory(), self.mask.pin_memory())


@dataclass(frozen=True)
class Featurizer:
    """Records to features: on the CPU, in loader workers, without parameters, cutting nothing."""

    neighbours: int

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> Nearness:
        """Features of `records`, row by row; a record without structure has mask False."""
        if layout is not Layout.PADDED:
            raise PluginError("template-encoder takes padded batches only")
        longest = max((len(record) for record in records), default=0)
        values = np.zeros((len(records), longest, self.neighbours), np.float32)
        mask = np.zeros((len(records), longest), np.bool_)
        for row, record in enumerate(records):
            if record.structure is not None:
                mask[row, : len(record)] = record.structure.present[:, 1]
                values[row, : len(record)] = nearness(record.structure, self.neighbours)
        return Nearness(torch.from_numpy(values), torch.from_numpy(mask))


def nearness(structure: BackboneStructure, neighbours: int) -> NDArray[np.float32]:
    """exp(-distance / REACH) [residue, neighbour] of the nearest CA atoms; 0 for lack of any."""
    values = np.zeros((len(structure), neighbours), np.float32)
    seen = structure.present[:, 1]
    alpha = structure.coordinates[seen, 1].astype(np.float64)
    count = min(neighbours + 1, len(alpha))
    if count > 1:
        # The first neighbour is the residue itself.
        distances = cKDTree(alpha).query(alpha, k=count)[0][:, 1:]
        values[seen, : count - 1] = np.exp(-distances / REACH)
    return values


class TemplateEncoder(ResidueEncoder[Nearness]):
    """[protein, residue, width]; row r is residue r."""

    def __init__(self, options: TemplateEncoderOptions) -> None:
        super().__init__()
        self.token_dim = options.width
        self.featurizer = Featurizer(options.neighbours)
        self.layers = nn.Sequential(
            nn.Linear(options.neighbours, options.width),
            nn.GELU(),
            nn.Linear(options.width, options.width),
        )

    def forward(self, features: Nearness) -> ResidueTokens:
        """Tokens of `features`, zero where there is none."""
        values = self.layers(features.values.to(self.layers[0].weight.dtype))
        return ResidueTokens(values * features.mask[..., None], features.mask)
