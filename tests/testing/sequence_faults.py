"""Sequence encoders that break the contract, each in one way."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from pydantic import ConfigDict, field_validator
from torch import Tensor, nn

from multiprot.config import Section
from multiprot.encoders.contract import Layout, PackedTokens, ResidueTokens
from multiprot.encoders.reference.letters import LetterFeatures, LetterFeaturizer
from multiprot.encoders.reference.plugins import ResidueTransformerConfig
from multiprot.errors import PluginError
from tests.testing.faults import SEQUENCE, built, wrapped


def masked(tokens: Any, values: Tensor) -> Any:
    return replace(tokens, values=torch.where(tokens.mask[..., None], values, 0))


def padded_only(change: Any) -> Any:
    """Spoil padded tokens alone: the packed ones tell the truth."""

    def maybe(encoder: Any, features: Any, tokens: Any) -> Any:
        return change(tokens) if isinstance(tokens, ResidueTokens) else tokens

    return wrapped(SEQUENCE, maybe)


def with_special_token(tokens: ResidueTokens) -> ResidueTokens:
    values = torch.cat([tokens.values[:, :1], tokens.values], dim=1)
    return ResidueTokens(values, torch.cat([tokens.mask[:, :1], tokens.mask], dim=1))


def one_short(tokens: ResidueTokens) -> ResidueTokens:
    mask = tokens.mask.clone()
    mask[:, 0] = False
    return masked(ResidueTokens(tokens.values, mask), tokens.values)


def norm(**keywords: Any) -> Any:
    """Statistics over all residues of the batch."""

    def build(config: Any) -> Any:
        encoder: Any = SEQUENCE.build(config)
        encoder.batch_norm = nn.BatchNorm1d(encoder.token_dim, affine=False, **keywords)
        sound = type(encoder).forward

        class Normed(type(encoder)):  # type: ignore[misc]
            def forward(self, features: Any) -> Any:
                tokens = sound(self, features)
                if not tokens.mask.any():
                    return tokens
                values = tokens.values.clone()
                values[tokens.mask] = self.batch_norm(values[tokens.mask])
                return replace(tokens, values=values)

        encoder.__class__ = Normed
        return encoder

    return built(SEQUENCE, build)


class Cutting(LetterFeaturizer):
    def __call__(self, records: Any, layout: Layout) -> LetterFeatures:
        limit = self.max_residues or 0
        return super().__call__([r.crop(0, min(limit, len(r))) for r in records], layout)


class _Seeing(LetterFeatures):
    def mask_residues(self, masked: Tensor, substitutes: Tensor) -> LetterFeatures:
        return self


class _Overwriting(LetterFeatures):
    def mask_residues(self, masked: Tensor, substitutes: Tensor) -> LetterFeatures:
        self.letters.copy_(super().mask_residues(masked, substitutes).letters)
        return self


class _Staying(LetterFeatures):
    def to(self, device: Any, non_blocking: bool = False) -> LetterFeatures:
        return _Staying(self.letters.to(device), self.lengths, self.layout)


class _As(LetterFeaturizer):
    """Makes features of another class."""

    kind: Any = LetterFeatures

    def __call__(self, records: Any, layout: Layout) -> LetterFeatures:
        features = super().__call__(records, layout)
        made: LetterFeatures = self.kind(features.letters, features.lengths, features.layout)
        return made


class SeeingFeaturizer(_As):
    kind = _Seeing


class OverwritingFeaturizer(_As):
    kind = _Overwriting


class StayingFeaturizer(_As):
    kind = _Staying


class StructuralFeaturizer(LetterFeaturizer):
    """Looks at where the first residue lies."""

    def __call__(self, records: Any, layout: Layout) -> LetterFeatures:
        features = super().__call__(records, layout)
        first = records[0].structure if records else None
        turn = 1 if first is not None and first.coordinates[0, 1, 2] > 4 else 0
        return replace(features, letters=(features.letters + turn) % 20)


@dataclass(frozen=True)
class OwningFeaturizer(LetterFeaturizer):
    table: nn.Embedding


class Loose(ResidueTransformerConfig):
    """Takes any key."""

    model_config = ConfigDict(extra="allow")


class Doubling(ResidueTransformerConfig):
    """Changes what it reads."""

    @field_validator("layers")
    @classmethod
    def _double(cls, layers: int) -> int:
        return 2 * layers


class Silent(Section):
    width: int = 16


def calling_home(config: Any) -> Any:
    with suppress(OSError):
        socket.create_connection(("weights.example", 443), timeout=0.01)
    return SEQUENCE.build(config)


def frozen(config: Any) -> Any:
    encoder: Any = SEQUENCE.build(config)
    return encoder.requires_grad_(False)


def silently_single(encoder: Any, features: Any, tokens: Any) -> Any:
    return replace(tokens, values=tokens.values.float())


def ranked(encoder: Any, features: Any, tokens: Any) -> Any:
    if isinstance(tokens, PackedTokens):
        return tokens
    rank = torch.arange(len(tokens.values))[:, None, None]
    return masked(tokens, tokens.values + rank)


def bag(encoder: Any, features: Any, tokens: Any) -> Any:
    kinds = torch.nn.functional.one_hot(features.letters, encoder.token_dim + 27)
    return masked(tokens, kinds[..., : encoder.token_dim].to(tokens.values))


def noisy(encoder: Any, features: Any, tokens: Any) -> Any:
    return masked(tokens, tokens.values + torch.rand_like(tokens.values))


def loose_table(encoder: Any) -> Any:
    return torch.randn(3)


def using_loose(encoder: Any, features: Any, tokens: Any) -> Any:
    if not hasattr(encoder, "loose"):
        encoder.loose = torch.randn(encoder.token_dim)
    return masked(tokens, tokens.values + encoder.loose)


def pretend_packed(encoder: Any, features: Any, tokens: Any) -> Any:
    if isinstance(tokens, ResidueTokens):
        return tokens
    return replace(tokens, offsets=tokens.offsets.long())


def half_long(encoder: Any, features: Any, tokens: Any) -> Any:
    return replace(tokens, values=tokens.values.bfloat16())


def nan_for_x(encoder: Any, features: Any, tokens: Any) -> Any:
    return masked(
        tokens, torch.where((features.letters == 20)[..., None], torch.nan, tokens.values)
    )


def crash_on_none(encoder: Any, features: Any, tokens: Any) -> Any:
    tokens.values.amax(dim=0)
    return tokens


def refuse_lone(encoder: Any, features: Any, tokens: Any) -> Any:
    if isinstance(tokens, ResidueTokens) and tokens.values.shape[1] == 1:
        return masked(tokens, tokens.values / 0 * 0)
    return tokens


def refuses_packed(encoder: Any, features: Any, tokens: Any) -> Any:
    if features.layout is Layout.PACKED:
        raise PluginError("padded only")
    return tokens


def spending(encoder: Any, features: Any, tokens: Any) -> Any:
    features.letters.fill_(0)
    return tokens


def lost_in_autocast(encoder: Any, features: Any, tokens: Any) -> Any:
    return replace(tokens, values=tokens.values * (0 if torch.is_autocast_enabled("cpu") else 1))


LEAKING = padded_only(lambda t: masked(t, t.values + t.values.abs().mean(dim=(1, 2), keepdim=True)))
