"""A residue and its two neighbours: replace it by what you want to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from multiprot.encoders.contract import Layout, ResidueEncoder, ResidueTokens
from multiprot.errors import PluginError
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord, residue_indices
from multiprot_template_encoder.plugin import TemplateEncoderOptions

HIDDEN = len(RESIDUE_LETTERS)
PADDING = HIDDEN + 1


@dataclass(frozen=True)
class Letters:
    """Features: int64 [protein, residue], index in `RESIDUE_LETTERS`, `HIDDEN` or `PADDING`."""

    letters: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> Letters:
        """The same on another device."""
        return Letters(self.letters.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Letters:
        """The same in page-locked memory."""
        return Letters(self.letters.pin_memory())

    def mask_residues(self, masked: Tensor, substitutes: Tensor) -> Letters:
        """Residues hidden where `masked`, or shown as the substitute where that is not negative."""
        shown = torch.where(substitutes >= 0, substitutes, HIDDEN)
        return Letters(torch.where(masked & (self.letters != PADDING), shown, self.letters))


def featurize(records: Sequence[ProteinRecord], layout: Layout) -> Letters:
    """Records to features: on the CPU, in loader workers, without parameters, cutting nothing."""
    if layout is not Layout.PADDED:
        raise PluginError("template-encoder takes padded batches only")
    longest = max((len(record) for record in records), default=0)
    letters = torch.full((len(records), longest), PADDING)
    for row, record in enumerate(records):
        letters[row, : len(record)] = torch.from_numpy(residue_indices(record.sequence))
    return Letters(letters)


class TemplateEncoder(ResidueEncoder[Letters]):
    """[protein, residue, width]; row r is residue r."""

    def __init__(self, options: TemplateEncoderOptions) -> None:
        super().__init__()
        self.token_dim = options.width
        self.featurizer = featurize
        self.embedding = nn.Embedding(PADDING + 1, options.width, padding_idx=PADDING)
        self.mix = nn.Linear(3 * options.width, options.width)

    def forward(self, features: Letters) -> ResidueTokens:
        """Tokens of `features`; what is padding stays zero, so that no batch can matter."""
        mask = features.letters != PADDING
        own = self.embedding(features.letters)
        beside = functional.pad(own, (0, 0, 1, 1))
        around = torch.cat([beside[:, :-2], own, beside[:, 2:]], dim=-1)
        return ResidueTokens((own + self.mix(around)) * mask[..., None], mask)
