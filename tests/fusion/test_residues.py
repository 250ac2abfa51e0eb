"""Both ways in which residues of two streams meet: their parts, padding, batches, order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from multiprot.encoders.contract import ResidueTokens
from multiprot.errors import DataError
from multiprot.fusion import FusionConfig
from multiprot.fusion.attention import TokenNorm, TransformerLayer
from multiprot.fusion.cross_attention import FusionLayer
from multiprot.fusion.grouping import Streams
from multiprot.fusion.joined import Concatenation
from multiprot.fusion.projection import StreamSum
from multiprot.fusion.residues import fuse_residues, residue_fusion
from tests.fusion.fakes import SMALL, make_batch, make_model

NAMES = ("sequence", "structure")
WAYS: dict[str, dict[str, Any]] = {
    "cross-attention": {"residues": "cross-attention"},
    "self-attention": {"residues": "self-attention"},
    "self-attention, norms last": {"residues": "self-attention", "norm_first": False},
}
LENGTHS = (9, 5, 7, 1)


class Meeting(nn.Module):
    """What `residue_fusion` made, called as the model calls it."""

    def __init__(self, way: str, **changes: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.config = FusionConfig.model_validate({**SMALL.model_dump(), **WAYS[way], **changes})
        self.layers, self.join = residue_fusion(self.config, NAMES)

    def forward(self, streams: Streams, residue_mask: Tensor) -> ResidueTokens:
        return fuse_residues(self.config, self.layers, self.join, streams, residue_mask)


def make_streams(
    residue_mask: Tensor, has: Mapping[str, tuple[bool, ...]] | None = None, seed: int = 0
) -> Streams:
    """Cleared tokens; a protein's are the same in any batch and with any padding."""
    streams: Streams = {}
    for number, name in enumerate(NAMES):
        shape = (30, SMALL.width)
        rows = [
            torch.randn(
                shape, generator=torch.Generator().manual_seed(100 * seed + 10 * row + number)
            )
            for row in range(len(residue_mask))
        ]
        mask = residue_mask.clone()
        if has is not None:
            mask &= torch.tensor(has[name])[:, None]
        values = torch.stack(rows)[:, : mask.shape[1]]
        streams[name] = ResidueTokens(torch.where(mask[..., None], values, 0.0), mask)
    return streams


def mask_of(lengths: tuple[int, ...], padding: int = 0) -> Tensor:
    return torch.arange(max(lengths) + padding) < torch.tensor(lengths)[:, None]


def row_of(streams: Streams, row: int, length: int) -> Streams:
    """One protein without padding; a stream that it lacks is None."""
    return {
        name: ResidueTokens(tokens.values[[row], :length], tokens.mask[[row], :length])
        if tokens is not None and tokens.mask[row].any()
        else None
        for name, tokens in streams.items()
    }


@pytest.mark.parametrize("layers", [0, 2])
def test_the_option_chooses_the_modules(layers: int) -> None:
    cross, first, last = (Meeting(way, layers=layers) for way in WAYS)
    assert [type(layer) for layer in cross.layers] == [FusionLayer] * layers
    # Tokens that no norm has seen need one at the end.
    assert [type(layer) for layer in first.layers] == [TransformerLayer] * layers + [TokenNorm]
    assert [type(layer) for layer in last.layers] == [TransformerLayer] * layers
    assert type(cross.join) is StreamSum
    assert type(first.join) is type(last.join) is Concatenation
    model = make_model(last.config)
    assert type(model.sum) is Concatenation
    assert len(model.layers) == layers


@pytest.mark.parametrize("way", list(WAYS)[1:])
def test_self_attention_is_the_join_and_then_layer_after_layer(way: str) -> None:
    meeting, mask = Meeting(way), mask_of(LENGTHS)
    streams = make_streams(mask)
    tokens = meeting.join(streams)
    for layer in meeting.layers:
        tokens = layer(tokens)
    assert torch.equal(meeting(streams, mask).values, tokens.values)
    chosen = {layer.norm_first for layer in meeting.layers if isinstance(layer, TransformerLayer)}
    assert chosen == {meeting.config.norm_first}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("padding", [1, 20])
def test_more_padding_moves_no_residue(way: str, padding: int) -> None:
    meeting, has = Meeting(way), {"sequence": (True,) * 4, "structure": (True, False, True, True)}
    narrow, wide = mask_of(LENGTHS), mask_of(LENGTHS, padding)
    short = meeting(make_streams(narrow, has), narrow)
    long = meeting(make_streams(wide, has), wide)
    torch.testing.assert_close(long.values[:, : max(LENGTHS)], short.values, rtol=1e-5, atol=1e-6)
    assert not long.values[:, max(LENGTHS) :].any()
    assert torch.equal(long.mask, wide)


present = st.lists(st.booleans(), min_size=4, max_size=4)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=15)
@given(present, present, st.integers(0, 1000))
def test_a_protein_is_the_same_alone_and_beside_others(
    way: str, sequences: list[bool], structures: list[bool], seed: int
) -> None:
    meeting, mask = Meeting(way), mask_of(LENGTHS)
    has = {"sequence": tuple(sequences), "structure": tuple(structures)}
    streams = make_streams(mask, has, seed)
    together = meeting(streams, mask)
    for row, length in enumerate(LENGTHS):
        single = row_of(streams, row, length)
        if not any(single.values()):
            assert not together.values[row].any()
            assert not together.mask[row].any()
            continue
        alone = meeting(single, mask[[row], :length])
        torch.testing.assert_close(
            together.values[row, :length], alone.values[0], rtol=1e-4, atol=1e-5
        )
        assert torch.equal(together.mask[row], mask[row])


@pytest.mark.parametrize("way", WAYS)
def test_residues_look_at_all_of_their_own_protein_and_at_no_other(way: str) -> None:
    meeting, mask = Meeting(way), mask_of((6, 6))
    streams = make_streams(mask)
    clean = meeting(streams, mask).values
    structure = streams["structure"]
    assert structure is not None
    moved = structure.values.clone()
    moved[0, 2] += 1.0
    streams["structure"] = ResidueTokens(moved, structure.mask)
    changed = (meeting(streams, mask).values != clean).any(dim=-1)
    assert changed[0].all()
    assert not changed[1].any()


@pytest.mark.parametrize("way", WAYS)
def test_only_cross_attention_knows_the_order_of_residues(way: str) -> None:
    """Self-attention leaves it to the positions of the sequence stack, as MASSA does."""
    meeting, mask = Meeting(way), mask_of((8,))
    streams = make_streams(mask)
    order = torch.tensor([3, 0, 7, 1, 5, 2, 6, 4])
    shuffled: Streams = {
        name: ResidueTokens(t.values[:, order], t.mask) for name, t in streams.items() if t
    }
    expected = meeting(streams, mask).values[:, order]
    found = meeting(shuffled, mask).values
    assert torch.allclose(found, expected, atol=1e-5) is way.startswith("self-attention")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rubbish", [math.nan, 1e38])
def test_values_behind_a_false_mask_change_no_bit_of_the_model(way: str, rubbish: float) -> None:
    model = make_model(Meeting(way).config)
    batch = make_batch(has_structure=(True, False, True, True))
    clean = model(batch)
    encoder: Any = model.sequence
    encoder.behind_mask = rubbish
    features: Any = batch.structure
    features.values[~features.mask] = rubbish
    spoiled = model(batch)
    for name in ("protein", "projected"):
        assert torch.equal(getattr(spoiled, name), getattr(clean, name))
    assert torch.equal(spoiled.fused_tokens.values, clean.fused_tokens.values)
    assert clean.fused_tokens.values.isfinite().all()


@pytest.mark.parametrize("way", WAYS)
def test_gradients_reach_every_parameter(way: str) -> None:
    meeting, mask = Meeting(way), mask_of(LENGTHS)
    found = meeting(make_streams(mask), mask).values
    (found * torch.randn_like(found)).sum().backward()
    for name, parameter in meeting.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("way", WAYS)
def test_no_stream_at_all_is_refused(way: str) -> None:
    with pytest.raises(DataError, match="sequence or structure"):
        Meeting(way)({"sequence": None, "structure": None}, mask_of(LENGTHS))


def test_without_layers_the_fused_token_is_the_sum_of_the_projected_streams() -> None:
    """STEPS has no attention: nothing passes from residue to residue in the fusion."""
    config = SMALL.model_copy(update={"layers": 0})
    model = make_model(config, without=("go",))
    batch = make_batch(has_structure=(True, False, True, True))
    outputs = model(batch)
    total, parts = torch.zeros_like(outputs.fused_tokens.values), dict(model.sum.named_modules())
    for name in NAMES:
        tokens = getattr(outputs, f"{name}_tokens")
        total += torch.where(tokens.mask[..., None], parts[f"parts.{name}"](tokens.values), 0.0)
    torch.testing.assert_close(outputs.fused_tokens.values, total)
    structure = outputs.structure_tokens
    assert structure is not None
    given = structure.values.detach().clone().requires_grad_()
    streams = {"sequence": outputs.sequence_tokens, "structure": replace(structure, values=given)}
    fused = fuse_residues(config, model.layers, model.sum, streams, batch.residue_mask)
    row = int(structure.mask[0].nonzero()[0])
    fused.values[0, row].sum().backward()  # type: ignore[no-untyped-call]
    assert given.grad is not None
    assert given.grad.any(dim=-1).nonzero().tolist() == [[0, row]]
    model.zero_grad()
    model.train()(batch).projected.sum().backward()
    assert all(part.grad is not None for part in model.parameters())
