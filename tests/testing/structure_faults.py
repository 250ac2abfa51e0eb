"""Structure encoders that break the contract, each in one way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from multiprot.encoders.contract import Layout, ResidueTokens
from multiprot.encoders.plugin import EncoderPlugin
from multiprot.encoders.reference.backbone_graph import BackboneFeatures, BackboneFeaturizer
from multiprot.encoders.reference.residue_geometry import ResidueGeometry
from multiprot.errors import PluginError
from multiprot.proteins import BackboneStructure, ProteinRecord
from tests.testing.faults import STRUCTURE, Fault, claiming, spoilt, wrapped


@dataclass(frozen=True, slots=True)
class _Seeing(BackboneFeaturizer):
    """Looks at every structure through `change` first."""

    change: Callable[[BackboneStructure], BackboneStructure]

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> BackboneFeatures:
        seen = [
            r if r.structure is None else replace(r, structure=self.change(r.structure))
            for r in records
        ]
        return BackboneFeaturizer.__call__(self, seen, layout)


def _unbroken(structure: BackboneStructure) -> BackboneStructure:
    return replace(structure, chain_breaks=np.zeros(len(structure), np.bool_))


def _of_unit_size(structure: BackboneStructure) -> BackboneStructure:
    alpha = structure.coordinates[:, 1]
    size = np.nanstd(alpha) + 1e-6 if np.isfinite(alpha).any() else 1.0
    return replace(structure, coordinates=structure.coordinates * np.float32(10 / size))


def _by_confidence(structure: BackboneStructure) -> BackboneStructure:
    swell = np.where(np.isfinite(structure.confidence), 1 + structure.confidence / 100, 1)
    return replace(
        structure, coordinates=(structure.coordinates * swell[:, None, None]).astype(np.float32)
    )


@dataclass(frozen=True, slots=True)
class _Peeking(BackboneFeaturizer):
    """Looks at the first letter."""

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> BackboneFeatures:
        features = BackboneFeaturizer.__call__(self, records, layout)
        glance = 0.1 if records and records[0].sequence[0] == "W" else 0.0
        return replace(features, dihedrals=features.dihedrals + glance)


@dataclass(frozen=True, slots=True)
class _PeekingOpenly(_Peeking):
    """The same, in features that pretend to hide it."""

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> BackboneFeatures:
        features = _Peeking.__call__(self, records, layout)
        return _Unhiding(**{n: getattr(features, n) for n in BackboneFeatures.__slots__})


class _Unhiding(BackboneFeatures):
    def mask_residues(self, masked: Any, substitutes: Any) -> BackboneFeatures:
        return self


def _inside(tokens: Any, features: Any) -> Any:
    return torch.arange(tokens.mask.shape[1]) < features.lengths[:, None]


def _with_places(encoder: Any, features: Any, tokens: Any) -> Any:
    """Adds each residue's place in the room."""
    if not isinstance(tokens, ResidueTokens):
        return tokens
    values = tokens.values.clone()
    places = torch.nn.functional.pad(features.alpha, (0, encoder.token_dim - 3))
    values[_inside(tokens, features)] += places * features.mask[:, None]
    return replace(tokens, values=values)


def _everywhere(encoder: Any, features: Any, tokens: Any) -> Any:
    if not isinstance(tokens, ResidueTokens):
        return tokens
    return replace(tokens, mask=_inside(tokens, features))


def _nan_where_unresolved(encoder: Any, features: Any, tokens: Any) -> Any:
    return replace(tokens, values=torch.where(tokens.mask[..., None], tokens.values, torch.nan))


def _shifted(encoder: Any, features: Any, tokens: Any) -> Any:
    if not isinstance(tokens, ResidueTokens):
        return tokens
    return ResidueTokens(tokens.values.roll(1, 1), tokens.mask.roll(1, 1))


def _constant(encoder: Any, features: Any, tokens: Any) -> Any:
    return replace(tokens, values=torch.ones_like(tokens.values) * tokens.mask[..., None])


class _Reading(ResidueGeometry):
    """Reads sequence tokens as it should, but for one thing."""

    fault = ""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.sequence: nn.Linear | None = None

    def bind_sequence(self, token_dim: int) -> None:
        if self.sequence is not None and self.fault != "binds again":
            raise PluginError("bound already")
        self.sequence = nn.Linear(token_dim, self.token_dim)

    def forward(self, features: Any, sequence: ResidueTokens | None = None) -> Any:
        own = super().forward(features)
        if self.sequence is None and self.fault != "runs unbound":
            raise PluginError("bound to no sequence encoder")
        if self.sequence is None or sequence is None or not isinstance(own, ResidueTokens):
            return own
        values, shown = sequence.values, sequence.mask[..., None] & own.mask[..., None]
        if self.fault != "looks behind the mask":
            values = torch.where(sequence.mask[..., None], values, 0.0)
        if self.fault == "stops the gradient":
            values = values.detach()
        if self.fault == "reads nothing":
            values = values * 0.0
        read = self.sequence(values)
        if self.fault != "looks behind the mask":
            read = torch.where(shown, read, 0.0)
        if self.fault == "mixes proteins":
            read = read + read.mean(dim=0) * own.mask[..., None]
        return replace(own, values=own.values + read * own.mask[..., None])


def _reading(fault: str) -> EncoderPlugin[Any]:
    kind = type("Reading", (_Reading,), {"fault": fault})
    return replace(STRUCTURE, build=kind)


FAULTS = [
    Fault("runs unbound", "sequence_tokens_are_bound_once", _reading("runs unbound"), "unbound"),
    Fault("binds again", "sequence_tokens_are_bound_once", _reading("binds again"), "another"),
    Fault("reads nothing", "sequence_tokens_are_read", _reading("reads nothing"), "nothing"),
    Fault(
        "stops the gradient",
        "sequence_tokens_are_read",
        _reading("stops the gradient"),
        "gradient",
    ),
    Fault(
        "looks behind the mask",
        "hidden_sequence_tokens_are_not_seen",
        _reading("looks behind the mask"),
        "is seen",
    ),
    Fault(
        "mixes proteins",
        "hidden_sequence_tokens_are_not_seen",
        _reading("mixes proteins"),
        "protein",
    ),
    Fault(
        "turns with the protein",
        "rotation_and_shift",
        wrapped(STRUCTURE, _with_places),
        "rotation_invariant=True",
    ),
    Fault(
        "invariance unclaimed",
        "rotation_and_shift",
        claiming(STRUCTURE, rotation_invariant=False),
        "rotation_invariant=False",
    ),
    Fault(
        "claims to be blind to chirality",
        "chirality",
        claiming(STRUCTURE, sees_chirality=False),
        "sees_chirality=False",
    ),
    Fault(
        "claims to see chirality", "chirality", wrapped(STRUCTURE, _constant), "sees_chirality=True"
    ),
    Fault(
        "tokens for the unresolved",
        "mask_tells_what_was_seen",
        wrapped(STRUCTURE, _everywhere),
        "unresolved residue",
    ),
    Fault(
        "NaN for the unresolved",
        "one_row_per_residue",
        wrapped(STRUCTURE, _nan_where_unresolved),
        "NaN",
    ),
    Fault("a row too far", "row_is_residue", wrapped(STRUCTURE, _shifted), "without the atoms"),
    Fault("one token for all", "shape_matters", wrapped(STRUCTURE, _constant), "fold"),
    Fault(
        "sees no distances",
        "size_matters",
        spoilt(STRUCTURE, featurizer=_Seeing(6, _of_unit_size)),
        "nanometres",
    ),
    Fault(
        "bonds across a break",
        "chain_break_is_no_bond",
        spoilt(STRUCTURE, featurizer=_Seeing(6, _unbroken)),
        "chain_breaks",
    ),
    Fault(
        "peeks at the sequence",
        "sees_only_what_it_requires",
        spoilt(STRUCTURE, featurizer=_Peeking(6)),
        "sequence",
    ),
    Fault(
        "claims the sequence",
        "sees_only_what_it_requires",
        claiming(STRUCTURE, requires=frozenset({"backbone", "sequence"})),
        "do not change",
    ),
    Fault(
        "peeks at pLDDT",
        "sees_only_what_it_requires",
        spoilt(STRUCTURE, featurizer=_Seeing(6, _by_confidence)),
        "plddt",
    ),
    Fault(
        "cannot hide residues",
        "residues_can_be_hidden",
        claiming(
            spoilt(STRUCTURE, featurizer=_Peeking(6)), requires=frozenset({"backbone", "sequence"})
        ),
        "mask_residues",
    ),
    Fault(
        "hides nothing",
        "residues_can_be_hidden",
        claiming(
            spoilt(STRUCTURE, featurizer=_PeekingOpenly(6)),
            requires=frozenset({"backbone", "sequence"}),
        ),
        "are seen",
    ),
    Fault(
        "requires no backbone",
        "modality",
        claiming(STRUCTURE, requires=frozenset({"sequence"})),
        "backbone",
    ),
]
