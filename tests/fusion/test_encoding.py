"""What encoders are given, and what a structure encoder that reads sequence tokens is told."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from multiprot.encoders.cached_tokens import CachedTokens
from multiprot.encoders.contract import ProteinBatch, ReadsSequenceTokens, ResidueTokens
from multiprot.errors import PluginError
from multiprot.fusion.encoding import encoder_tokens
from multiprot.fusion.model import FusionModel
from tests.fusion.fakes import (
    SMALL,
    FakeSequenceEncoder,
    FakeStructureEncoder,
    FakeStructureFeatures,
    make_batch,
    make_model,
)


class ReadingEncoder(FakeStructureEncoder):
    """Adds a linear map of the sequence tokens, and keeps what it was told."""

    def __init__(self, channels: int = 12) -> None:
        super().__init__()
        self.bind_sequence(channels)
        self.told: list[ResidueTokens | None] = []

    def bind_sequence(self, token_dim: int) -> None:
        self.reader = nn.Linear(token_dim, self.token_dim, bias=False)

    def forward(
        self, features: FakeStructureFeatures, sequence: ResidueTokens | None = None
    ) -> ResidueTokens:
        self.told.append(sequence)
        own = super().forward(features)
        if sequence is None:
            return own
        return ResidueTokens(own.values + self.reader(sequence.values), own.mask)


def reading_model() -> tuple[FusionModel, ReadingEncoder]:
    torch.manual_seed(0)
    structure = ReadingEncoder()
    return FusionModel(SMALL, FakeSequenceEncoder(), structure, None).eval(), structure


def told(model: FusionModel, structure: ReadingEncoder, batch: ProteinBatch) -> Any:
    structure.told.clear()
    model(batch)
    (sequence,) = structure.told
    return sequence


def test_only_who_says_so_reads() -> None:
    assert isinstance(ReadingEncoder(), ReadsSequenceTokens)
    assert not isinstance(FakeStructureEncoder(), ReadsSequenceTokens)
    make_model()(make_batch())  # its structure encoder takes features and nothing else


@pytest.mark.parametrize("packed", [False, True])
def test_it_is_told_the_encoders_own_tokens_before_any_projection(packed: bool) -> None:
    model, structure = reading_model()
    batch = make_batch(padding=3)
    features: Any = batch.sequence
    found = told(model, structure, replace(batch, sequence=replace(features, packed=packed)))
    assert model.sequence is not None
    own = model.sequence(features)
    assert torch.equal(found.mask, batch.residue_mask)
    torch.testing.assert_close(found.values[found.mask], own.values[own.mask])
    assert not found.values[~found.mask].any()


@pytest.mark.parametrize("rubbish", [math.nan, 1e38])
def test_what_is_missing_or_withheld_is_zero_and_masked(rubbish: float) -> None:
    model, structure = reading_model()
    encoder: Any = model.sequence
    encoder.behind_mask = rubbish
    batch = replace(make_batch(), has_sequence=torch.tensor([True, False, True, False]))
    found = told(model, structure, batch)
    assert found.mask.any(dim=1).tolist() == [True, False, True, False]
    assert not found.values[~found.mask].any()


def test_without_any_sequence_it_is_told_nothing() -> None:
    model, structure = reading_model()
    batch = make_batch()
    assert told(model, structure, replace(batch, sequence=None)) is None
    nobody = torch.zeros(4, dtype=torch.bool)
    assert told(model, structure, replace(batch, has_sequence=nobody)) is None


def test_cached_tokens_are_told_as_live_ones() -> None:
    model, structure = reading_model()
    batch = make_batch()
    live = told(model, structure, batch)
    cached = CachedTokens(live.values.detach(), live.mask)
    found = told(model, structure, replace(batch, sequence=cached))
    assert torch.equal(found.values, live.values)


class HalvedEncoder(FakeSequenceEncoder):
    """Its frozen part gives half of each token."""

    def frozen_part(self) -> None:
        return None

    def learning_part(self, tokens: ResidueTokens) -> ResidueTokens:
        return ResidueTokens(2 * tokens.values, tokens.mask)


def test_cached_tokens_of_a_frozen_part_are_gone_on_from() -> None:
    batch, halved = make_batch(), HalvedEncoder()
    features: Any = batch.sequence
    live = halved(features)
    assert isinstance(live, ResidueTokens)
    half = CachedTokens(live.values.detach() / 2, live.mask, of_frozen_part=True)
    moved = half.to(torch.device("cpu"))
    ((_, found),) = encoder_tokens({"sequence": halved}, replace(batch, sequence=moved))
    assert found is not None
    torch.testing.assert_close(found.values, live.values)
    whole = encoder_tokens({"sequence": FakeSequenceEncoder()}, replace(batch, sequence=half))
    with pytest.raises(PluginError, match=r"FakeSequenceEncoder.*frozen part"):
        next(whole)


def test_tokens_that_an_objective_hides_are_not_told() -> None:
    model, structure = reading_model()
    batch = make_batch()
    sources = torch.arange(batch.residues.shape[1]).repeat(4, 1)
    sources[0, 2], sources[1, 0] = -1, 3
    live = told(model, structure, batch)
    found = told(model, structure, replace(batch, token_sources=sources))
    assert (found.values[0, 2] == 1e-3).all()
    assert torch.equal(found.values[1, 0], live.values[1, 3])
    assert torch.equal(found.values[2:], live.values[2:])


def test_gradients_go_back_through_what_was_told() -> None:
    model, _ = reading_model()
    structure = model(make_batch()).structure_tokens
    assert structure is not None
    (structure.values * torch.randn_like(structure.values)).sum().backward()
    assert model.sequence is not None
    assert all(p.grad is not None and p.grad.any() for p in model.sequence.parameters())


def test_each_stream_is_encoded_when_it_is_asked_for() -> None:
    """Sequence first: its projection may draw dropout before the structure encoder does."""
    order = []

    @contextmanager
    def watching(module: nn.Module, name: str) -> Iterator[None]:
        handle = module.register_forward_pre_hook(lambda *_: order.append(name))
        yield
        handle.remove()

    model, structure = reading_model()
    sequence: Any = model.sequence
    with watching(sequence, "sequence"), watching(structure, "structure"):
        streams = encoder_tokens({"sequence": sequence, "structure": structure}, make_batch())
        assert order == []
        assert next(streams)[0] == "sequence"
        assert order == ["sequence"]
        assert [name for name, _ in streams] == ["structure"]
    assert order == ["sequence", "structure"]


@pytest.mark.parametrize("lacking", ["has_sequence", "has_structure"])
def test_every_parameter_gets_a_gradient_whatever_the_batch_lacks(lacking: str) -> None:
    model, _ = reading_model()
    nobody = torch.zeros(4, dtype=torch.bool)
    batch = make_batch()
    present = {"has_sequence": batch.has_sequence, "has_structure": batch.has_structure}
    present[lacking] = nobody
    batch = replace(
        batch, has_sequence=present["has_sequence"], has_structure=present["has_structure"]
    )
    model.train()(batch).projected.sum().backward()
    missing = [name for name, part in model.named_parameters() if part.grad is None]
    assert missing == []
