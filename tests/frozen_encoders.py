"""Guest plugins for tests of what never learns: frozen encoders, and one with adapters."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from multiprot.config import Section
from multiprot.encoders.contract import Layout, ResidueEncoder, ResidueTokens
from multiprot.encoders.lora import LoraOptions, add_lora
from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality
from multiprot.encoders.registry import ENCODER_GROUPS, Registry
from multiprot.errors import DataError
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord, residue_indices

PAD = len(RESIDUE_LETTERS)


class FrozenOptions(Section):
    """Options of both."""

    width: int = 8
    frozen: bool = True
    max_residues: int | None = None
    reads_sequence: bool = False
    gain: float = 1.0
    seconds: float = 0.0
    lora: LoraOptions | None = None


@dataclass(frozen=True)
class Rows:
    """Numbers per residue [protein, residue, channel], and where there is one."""

    values: Tensor
    mask: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        return type(self)(self.values.to(device), self.mask.to(device))

    def pin_memory(self) -> Self:
        return self


@dataclass(frozen=True)
class LetterFeaturizer:
    """Residue letters as numbers; refuses what is too long."""

    max_residues: int | None

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> Rows:
        letters = torch.full((len(records), max(map(len, records))), PAD)
        for row, record in enumerate(records):
            if self.max_residues is not None and len(record) > self.max_residues:
                raise DataError(f"record {record.id}: {len(record)} residues are too many")
            letters[row, : len(record)] = torch.from_numpy(residue_indices(record.sequence))
        return Rows(letters, letters != PAD)


class BackboneFeaturizer:
    """Distances of Cα from their centre."""

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> Rows:
        values = torch.zeros(len(records), max(map(len, records)), 1)
        mask = torch.zeros(values.shape[:2], dtype=torch.bool)
        for row, record in enumerate(records):
            if record.structure is not None and record.structure.present[:, 1].any():
                alpha = record.structure.coordinates[:, 1]
                away = np.linalg.norm(alpha - np.nanmean(alpha, axis=0), axis=1)
                seen = record.structure.present[:, 1]
                values[row, : len(record), 0] = torch.from_numpy(np.where(seen, away, 0.0))
                mask[row, : len(record)] = torch.tensor(seen)
        return Rows(values, mask)


class FrozenEncoder(ResidueEncoder[Rows]):
    """Each token knows its residue and the mean of its protein, so that crops differ from wholes.

    Dropout must be off in use: it would be noticed.
    """

    def __init__(self, options: FrozenOptions, featurizer: Any, reader: nn.Module) -> None:
        super().__init__()
        self.token_dim, self.featurizer = options.width, featurizer
        self.options, self.reader, self.dropout = options, reader, nn.Dropout(0.5)
        self.mix = nn.Linear(options.width, options.width)
        if options.frozen:
            self.requires_grad_(False)
        if options.lora is not None:
            names = add_lora(self, options.lora, ("mix",), "frozen-letters")
            self.adapter_names = frozenset(names)
        self.train(self.training)

    def forward(self, features: Rows) -> ResidueTokens:
        time.sleep(self.options.seconds)
        mask = features.mask.unsqueeze(-1)
        own = self.reader(features.values).masked_fill(~mask, 0.0)
        mean = own.sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)
        values = self.options.gain * self.mix(self.dropout(own + mean))
        return ResidueTokens(values.masked_fill(~mask, 0.0), features.mask)

    def train(self, mode: bool = True) -> Self:
        return super().train(mode and not self.options.frozen)


def _capabilities(modality: Modality) -> Any:
    base = "sequence" if modality is Modality.SEQUENCE else "backbone"

    def told(options: FrozenOptions) -> Capabilities:
        requires = {base, "sequence"} if options.reads_sequence else {base}
        return Capabilities(
            trainable=not options.frozen or options.lora is not None,
            max_residues=options.max_residues,
            requires=frozenset(requires),
            adapters=options.lora is not None,
        )

    return told


def _letters(options: FrozenOptions) -> FrozenEncoder:
    reader = nn.Embedding(PAD + 1, options.width)
    return FrozenEncoder(options, LetterFeaturizer(options.max_residues), reader)


def _backbone(options: FrozenOptions) -> FrozenEncoder:
    return FrozenEncoder(options, BackboneFeaturizer(), nn.Linear(1, options.width))


frozen_letters = EncoderPlugin(
    name="frozen-letters",
    modality=Modality.SEQUENCE,
    summary="letters",
    config=FrozenOptions,
    capabilities=_capabilities(Modality.SEQUENCE),
    build=_letters,
)
frozen_backbone = EncoderPlugin(
    name="frozen-backbone",
    modality=Modality.STRUCTURE,
    summary="distances",
    config=FrozenOptions,
    capabilities=_capabilities(Modality.STRUCTURE),
    build=_backbone,
)


def registry_with_guests() -> Registry:
    """What is installed, and the two of this module."""
    guests = [
        EntryPoint(plugin.name, f"{__name__}:{attribute}", ENCODER_GROUPS[plugin.modality])
        for attribute, plugin in (
            ("frozen_letters", frozen_letters),
            ("frozen_backbone", frozen_backbone),
        )
    ]
    return Registry([*Registry.discover().points, *guests])
