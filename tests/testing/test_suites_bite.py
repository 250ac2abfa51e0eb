"""The shared cases refuse encoders that break the contract, each in the way it was broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from multiprot.config import Section
from multiprot.encoders.contract import Layout, ResidueTokens
from multiprot.encoders.plugin import EncoderPlugin
from multiprot.encoders.reference.letters import LetterFeatures, LetterFeaturizer
from multiprot.encoders.reference.plugins import (
    ResidueGeometryConfig,
    ResidueTransformerConfig,
    TermTableConfig,
    residue_geometry,
    residue_transformer,
    term_table,
)
from multiprot.encoders.reference.residue_geometry import ResidueGeometry
from multiprot.encoders.reference.residue_transformer import ResidueTransformer
from multiprot.encoders.reference.term_table import TermTable
from multiprot.testing import GoEncoderSuite, SequenceEncoderSuite, StructureEncoderSuite

Damage = Callable[[ResidueTokens], ResidueTokens]


class _Damaged(ResidueTransformer):
    """A sound encoder whose tokens are spoilt on the way out."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(ResidueTransformerConfig(width=16, layers=1, heads=2, max_residues=60))
        self.damage = damage

    def forward(self, features: LetterFeatures) -> Any:
        tokens = super().forward(features)
        return self.damage(tokens) if isinstance(tokens, ResidueTokens) else tokens


def _sequence_case(build: Callable[[Any], Any]) -> SequenceEncoderSuite:
    class Case(SequenceEncoderSuite):
        plugin = replace(residue_transformer, build=build)

        def tiny_config(self) -> Section:
            return ResidueTransformerConfig(width=16, layers=1, heads=2, max_residues=60)

    return Case()


def _structure_case(plugin: EncoderPlugin[Any]) -> StructureEncoderSuite:
    class Case(StructureEncoderSuite):
        def tiny_config(self) -> Section:
            return ResidueGeometryConfig(width=16, layers=1, neighbours=6)

    Case.plugin = plugin
    return Case()


def _leaking(tokens: ResidueTokens) -> ResidueTokens:
    shift = tokens.values.shape[1] / 100
    return ResidueTokens(torch.where(tokens.mask[..., None], tokens.values + shift, 0), tokens.mask)


def _unhidden(tokens: ResidueTokens) -> ResidueTokens:
    return ResidueTokens(tokens.values + 1, tokens.mask)


def _with_special_token(tokens: ResidueTokens) -> ResidueTokens:
    values = torch.cat([tokens.values[:, :1], tokens.values], dim=1)
    return ResidueTokens(values, torch.cat([tokens.mask[:, :1], tokens.mask], dim=1))


def _shifted(tokens: ResidueTokens) -> ResidueTokens:
    rolled = tokens.values.roll(1, dims=1)
    return ResidueTokens(torch.where(tokens.mask[..., None], rolled, 0), tokens.mask)


def _one_short(tokens: ResidueTokens) -> ResidueTokens:
    mask = tokens.mask.clone()
    mask[:, 0] = False
    return ResidueTokens(torch.where(mask[..., None], tokens.values, 0), mask)


def _noisy(tokens: ResidueTokens) -> ResidueTokens:
    noise = torch.rand_like(tokens.values)
    return ResidueTokens(tokens.values + noise * tokens.mask[..., None], tokens.mask)


@pytest.mark.parametrize(
    ("damage", "test"),
    [
        (_leaking, "test_alone_equals_in_a_batch"),
        (_unhidden, "test_one_row_per_residue"),
        (_with_special_token, "test_one_row_per_residue"),
        (_shifted, "test_row_is_residue"),
        (_one_short, "test_every_residue_has_a_token"),
        (_noisy, "test_twice_is_the_same"),
        (_noisy, "test_weights_travel_in_safetensors"),
        (_leaking, "test_packed_equals_padded"),
    ],
)
def test_spoilt_tokens_are_noticed(damage: Damage, test: str) -> None:
    getattr(_sequence_case(lambda _: _Damaged(lambda tokens: tokens)), test)()
    with pytest.raises(AssertionError):
        getattr(_sequence_case(lambda _: _Damaged(damage)), test)()


class _Cutting(LetterFeaturizer):
    def __call__(self, records: Any, layout: Layout) -> LetterFeatures:
        return super().__call__(
            [record.crop(0, min(60, len(record))) for record in records], layout
        )


class _Seeing(LetterFeatures):
    def mask_residues(self, masked: Tensor, substitutes: Tensor) -> LetterFeatures:
        return self


class _SeeingFeaturizer(LetterFeaturizer):
    def __call__(self, records: Any, layout: Layout) -> LetterFeatures:
        features = super().__call__(records, layout)
        return _Seeing(features.letters, features.lengths, features.layout)


def _with(**parts: Any) -> Callable[[Any], Any]:
    def build(config: Any) -> Any:
        encoder = ResidueTransformer(config)
        for name, part in parts.items():
            setattr(encoder, name, part)
        return encoder

    return build


@pytest.mark.parametrize(
    ("build", "test"),
    [
        (_with(featurizer=_Cutting("cutting", None)), "test_too_long_is_refused"),
        (_with(featurizer=_SeeingFeaturizer("seeing", 60)), "test_masked_residue_is_not_seen"),
        (_with(featurizer=_SeeingFeaturizer("seeing", 60)), "test_substitute_is_seen_instead"),
        (_with(idle=nn.Linear(2, 2)), "test_gradients_reach_every_parameter"),
    ],
)
def test_spoilt_parts_are_noticed(build: Callable[[Any], Any], test: str) -> None:
    with pytest.raises(AssertionError):
        getattr(_sequence_case(build), test)()


def test_a_featurizer_that_cannot_travel_is_noticed() -> None:
    whole = LetterFeaturizer("x", 60)
    case = _sequence_case(_with(featurizer=lambda records, layout: whole(records, layout)))
    with pytest.raises(Exception, match="pickle"):
        case.test_featurizer_travels_to_workers()


class _Positional(ResidueGeometry):
    def forward(self, features: Any) -> Any:
        tokens = super().forward(features)
        padded = torch.nn.functional.pad(features.alpha, (0, self.token_dim - 3))
        return replace_values(tokens, padded, features)


def replace_values(tokens: ResidueTokens, flat: Tensor, features: Any) -> ResidueTokens:
    inside = torch.arange(tokens.mask.shape[1]) < features.lengths[:, None]
    values = tokens.values.clone()
    values[inside] += flat * features.mask[:, None]
    return ResidueTokens(values, tokens.mask)


def test_a_token_that_turns_with_the_protein_is_noticed() -> None:
    case = _structure_case(replace(residue_geometry, build=_Positional))
    with pytest.raises(AssertionError):
        case.test_rotation_and_shift()


def test_a_false_claim_about_chirality_is_noticed() -> None:
    def blind(config: ResidueGeometryConfig) -> Any:
        return replace(residue_geometry.capabilities(config), sees_chirality=False)

    _structure_case(residue_geometry).test_chirality()
    with pytest.raises(AssertionError, match="mirrored"):
        _structure_case(replace(residue_geometry, capabilities=blind)).test_chirality()


class _Ranked(TermTable):
    def forward(self, terms: Tensor) -> Tensor:
        return super().forward(terms) + torch.arange(len(terms))[:, None]


class _Forgetful(TermTable):
    def bind(self, ontology: Any) -> None:
        self._content_hash = None
        super().bind(ontology)


@pytest.mark.parametrize(
    ("build", "test"),
    [
        (_Ranked, "test_other_terms_do_not_matter"),
        (_Forgetful, "test_binds_once"),
    ],
)
def test_spoilt_go_encoders_are_noticed(build: Any, test: str) -> None:
    class Case(GoEncoderSuite):
        plugin = replace(term_table, build=build)

        def tiny_config(self) -> Section:
            return TermTableConfig(width=8)

    with pytest.raises(AssertionError):
        getattr(Case(), test)()
