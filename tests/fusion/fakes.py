"""Tiny encoders, an ontology stand-in and batches for tests of fusion and objectives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import (
    GeometryTargets,
    GoEncoder,
    GoTargets,
    ObjectiveContext,
    PackedTokens,
    ProteinBatch,
    ResidueEncoder,
    ResidueTokens,
    Teachings,
)
from multiprot.fusion import FusionConfig
from multiprot.fusion.model import FusionModel
from multiprot.proteins import RESIDUE_LETTERS
from multiprot.testing.trial_teachers import reordered_teachings

LETTERS = len(RESIDUE_LETTERS)
MASK_LETTER = LETTERS
TERMS = 11
STRUCTURE_CHANNELS = 5


@dataclass(frozen=True, slots=True)
class FakeSequenceFeatures:
    """Letters with a mask letter; `letters` is int64 [protein, residue]."""

    letters: Tensor
    mask: Tensor
    packed: bool = False

    def to(self, device: torch.device, non_blocking: bool = False) -> FakeSequenceFeatures:
        return replace(self, letters=self.letters.to(device), mask=self.mask.to(device))

    def pin_memory(self) -> FakeSequenceFeatures:
        return self

    def mask_residues(self, masked: Tensor, substitutes: Tensor) -> FakeSequenceFeatures:
        shown = torch.where(substitutes >= 0, substitutes, MASK_LETTER)
        return replace(self, letters=torch.where(masked, shown, self.letters))


@dataclass(frozen=True, slots=True)
class FakeStructureFeatures:
    """`values` float32 [protein, residue, channel], `mask` bool [protein, residue]."""

    values: Tensor
    mask: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        return replace(self, values=self.values.to(device), mask=self.mask.to(device))

    def pin_memory(self) -> Self:
        return self


@dataclass(frozen=True, slots=True)
class HideableFeatures(FakeStructureFeatures):
    """The same, and a residue's values can be hidden."""

    def hide_geometry(self, hidden: Tensor) -> HideableFeatures:
        return HideableFeatures(torch.where(hidden[..., None], 0.0, self.values), self.mask)


class FakeSequenceEncoder(ResidueEncoder[FakeSequenceFeatures]):
    """A letter and its two neighbours; behind the mask it returns rubbish on purpose."""

    def __init__(self, token_dim: int = 12) -> None:
        super().__init__()
        self.token_dim = token_dim
        self.letter = nn.Embedding(LETTERS + 1, token_dim)
        self.neighbours = nn.Linear(2 * token_dim, token_dim)
        self.behind_mask: float | None = None

    def forward(self, features: FakeSequenceFeatures) -> ResidueTokens | PackedTokens:
        own = torch.where(features.mask[..., None], self.letter(features.letters.clamp(min=0)), 0.0)
        left = nn.functional.pad(own, (0, 0, 1, 0))[:, :-1]
        right = nn.functional.pad(own, (0, 0, 0, 1))[:, 1:]
        values = own + self.neighbours(torch.cat([left, right], dim=-1)).tanh()
        if self.behind_mask is not None:
            values = torch.where(features.mask[..., None], values, self.behind_mask)
        if not features.packed:
            return ResidueTokens(values, features.mask)
        offsets = nn.functional.pad(features.mask.sum(1).cumsum(0), (1, 0)).int()
        return PackedTokens(values[features.mask], features.mask[features.mask], offsets)


class FakeStructureEncoder(ResidueEncoder[FakeStructureFeatures]):
    """One linear layer."""

    def __init__(self, token_dim: int = 7) -> None:
        super().__init__()
        self.token_dim = token_dim
        self.linear = nn.Linear(STRUCTURE_CHANNELS, token_dim)

    def forward(self, features: FakeStructureFeatures) -> ResidueTokens:
        return ResidueTokens(self.linear(features.values), features.mask)


class FakeGoEncoder(GoEncoder):
    """One vector per term."""

    def __init__(self, terms: int = TERMS, term_dim: int = 6) -> None:
        super().__init__()
        self.term_dim = term_dim
        self.table = nn.Embedding(terms, term_dim)
        self.bound: Any = None

    def bind(self, ontology: Any) -> None:
        self.bound = ontology

    def forward(self, terms: Tensor) -> Tensor:
        vectors: Tensor = self.table(terms)
        return vectors


SMALL = FusionConfig(width=16, layers=2, heads=2, pooling_heads=2, shared_dim=8)


def make_model(
    config: FusionConfig = SMALL, seed: int = 0, without: tuple[str, ...] = ()
) -> FusionModel:
    """A model of fakes, the same for the same seed, in evaluation mode."""
    torch.manual_seed(seed)
    parts: dict[str, Any] = {
        "sequence": FakeSequenceEncoder(),
        "structure": FakeStructureEncoder(),
        "go": FakeGoEncoder(),
    }
    chosen = {name: None if name in without else part for name, part in parts.items()}
    return FusionModel(config, **chosen).eval()


def make_batch(
    lengths: tuple[int, ...] = (9, 5, 12, 7),
    *,
    seed: int = 0,
    has_structure: tuple[bool, ...] | None = None,
    unresolved: float = 0.2,
    padding: int = 0,
) -> ProteinBatch:
    """Random proteins; protein p of a seed is the same whatever the others are."""
    residues_per_row = max(lengths) + padding
    shape = (len(lengths), residues_per_row)
    letters = torch.full(shape, -1)
    coordinates = torch.zeros(*shape, STRUCTURE_CHANNELS)
    resolved = torch.zeros(shape, dtype=torch.bool)
    for row, length in enumerate(lengths):
        rng = torch.Generator().manual_seed(1000 * seed + row)
        letters[row, :length] = torch.randint(20, (length,), generator=rng)
        coordinates[row, :length] = torch.randn(length, STRUCTURE_CHANNELS, generator=rng)
        resolved[row, :length] = torch.rand(length, generator=rng) >= unresolved
    present = torch.tensor(has_structure if has_structure is not None else [True] * len(lengths))
    mask = letters >= 0
    return ProteinBatch(
        ids=tuple(f"p{row}" for row in range(len(lengths))),
        residues=letters,
        residue_mask=mask,
        sequence=FakeSequenceFeatures(letters, mask),
        structure=FakeStructureFeatures(coordinates, resolved & present[:, None]),
        has_sequence=torch.ones(len(lengths), dtype=torch.bool),
        has_structure=present,
        go=make_targets(len(lengths), seed=seed),
    )


def make_targets(proteins: int, *, seed: int = 0, terms: Tensor | None = None) -> GoTargets:
    """Random targets; protein 0 knows every namespace, later ones lack some."""
    terms = torch.arange(TERMS) if terms is None else terms
    namespaces = terms % 3
    rng = torch.Generator().manual_seed(seed)
    known = torch.rand(proteins, 3, generator=rng) < 0.7
    known[0] = True
    positive = torch.rand(proteins, TERMS, generator=rng)[:, terms] < 0.3
    return GoTargets(terms, namespaces, positive & known[:, namespaces], known)


def make_geometry(batch: ProteinBatch, *, seed: int = 0, unknown: float = 0.2) -> GeometryTargets:
    """Random CA some 30 Å apart and random angles; protein p of a seed is always the same."""
    proteins, residues = batch.residues.shape
    alpha, alpha_known = torch.zeros(proteins, residues, 3), torch.zeros(proteins, residues).bool()
    angles, angles_known = alpha.clone(), alpha.bool()
    for row, length in enumerate(batch.residue_mask.sum(dim=1).tolist()):
        rng = torch.Generator().manual_seed(1000 * seed + row)
        alpha_known[row, :length] = torch.rand(length, generator=rng) >= unknown
        alpha[row, :length] = 20 * torch.randn(length, 3, generator=rng)
        angles_known[row, :length] = torch.rand(length, 3, generator=rng) >= unknown
        angles[row, :length] = (2 * torch.rand(length, 3, generator=rng) - 1) * torch.pi
    draws = torch.arange(proteins) + 100 * seed
    return GeometryTargets(
        torch.where(alpha_known[..., None], alpha, 0.0),
        alpha_known,
        torch.where(angles_known, angles, 0.0),
        angles_known,
        draws,
    )


def make_fold_states(batch: ProteinBatch, *, seed: int = 0, unknown: float = 0.2) -> Tensor:
    """Random 3Di states; protein p of a seed is always the same."""
    states = torch.full_like(batch.residues, -1)
    for row, length in enumerate(batch.residue_mask.sum(dim=1).tolist()):
        rng = torch.Generator().manual_seed(1000 * seed + row)
        drawn = torch.randint(20, (length,), generator=rng)
        drawn[torch.rand(length, generator=rng) < unknown] = -1
        states[row, :length] = drawn
    return states


def take(batch: ProteinBatch, rows: list[int]) -> ProteinBatch:
    """The proteins `rows` of a batch, in that order, with the padding they have."""
    index = torch.tensor(rows)

    def pick(part: Any) -> Any:
        if part is None:
            return None
        if isinstance(part, Tensor):
            return part[index]
        if isinstance(part, GoTargets):
            return replace(part, positive=part.positive[index], known=part.known[index])
        if isinstance(part, FakeSequenceFeatures):
            return replace(part, letters=part.letters[index], mask=part.mask[index])
        if isinstance(part, GeometryTargets):
            return part.taken(index)
        if isinstance(part, Teachings):
            return reordered_teachings(part, index)
        return replace(part, values=part.values[index], mask=part.mask[index])

    names = ("residues", "residue_mask", "sequence", "structure", "has_sequence", "has_structure")
    hidden = ("masked_residues", "hidden_geometry")
    targets = ("go", "geometry", "fold_states", "taught")
    parts = {name: pick(getattr(batch, name)) for name in (*names, *hidden, *targets)}
    return replace(batch, ids=tuple(batch.ids[row] for row in rows), **parts)


def make_context(config: FusionConfig = SMALL) -> ObjectiveContext:
    """Frequencies of a corpus in which term 3 was never seen."""
    frequencies = torch.linspace(0.9, 0.02, TERMS)
    frequencies[3] = 0.0
    residues = torch.linspace(0.01, 0.09, LETTERS)
    return ObjectiveContext(
        width=config.width,
        shared_dim=config.shared_dim,
        term_frequencies=frequencies,
        residue_frequencies=residues / residues.sum(),
    )
