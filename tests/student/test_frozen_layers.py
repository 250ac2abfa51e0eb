"""A student frozen in part: its two parts make the whole, and the first one can be cached."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from multiprot.encoders.contract import Layout, PartlyFrozen, ResidueTokens
from multiprot.errors import PluginError
from multiprot.proteins import ProteinRecord
from multiprot.student.encoder import StudentEncoder, build_encoder
from multiprot.student.frozen_layers import FrozenLayers
from multiprot.student.options import StudentOptions

RECORDS = [
    ProteinRecord(id=f"p{n}", sequence=text)
    for n, text in enumerate(("MKTAYIAKQR", "A", "ACDEFGHIKLMNPQRSTVWYXBZ" * 2, "GGUOJ"))
]


def student(freeze: Any) -> StudentEncoder:
    torch.manual_seed(0)
    return build_encoder(StudentOptions(layers=3, width=64, freeze=freeze)).train()


def parts_of(encoder: StudentEncoder) -> tuple[FrozenLayers, ResidueTokens]:
    frozen = encoder.frozen_part()
    assert frozen is not None
    tokens = frozen(encoder.featurizer(RECORDS, Layout.PADDED))
    return frozen, tokens


def gradients(encoder: StudentEncoder, tokens: ResidueTokens) -> dict[str, Tensor]:
    encoder.zero_grad()
    weights = torch.randn(tokens.values.shape, generator=torch.Generator().manual_seed(0))
    (tokens.values * weights).sum().backward()  # type: ignore[no-untyped-call]
    return {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("last", [1, 2, 3])
def test_both_parts_make_the_whole_with_its_gradients(last: int) -> None:
    encoder = student(last)
    assert isinstance(encoder, PartlyFrozen)
    live = encoder(encoder.featurizer(RECORDS, Layout.PADDED))
    assert isinstance(live, ResidueTokens)
    _, tokens = parts_of(encoder)
    assert not tokens.values.requires_grad
    cached = encoder.learning_part(tokens)
    assert torch.equal(cached.mask, live.mask)
    torch.testing.assert_close(cached.values, live.values)
    wanted, found = gradients(encoder, live), gradients(encoder, cached)
    assert found.keys() == wanted.keys()
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("freeze", ["none", "all"])
def test_without_two_parts_there_is_none(freeze: str) -> None:
    encoder = student(freeze)
    assert encoder.frozen_part() is None
    nothing = ResidueTokens(torch.zeros(1, 2, 64), torch.ones(1, 2, dtype=torch.bool))
    with pytest.raises(PluginError, match=f"freeze {freeze} leaves no frozen part"):
        encoder.learning_part(nothing)


def test_a_protein_without_tokens_gives_none_and_no_gradient_that_is_no_number() -> None:
    encoder = student(1)
    _, tokens = parts_of(encoder)
    mask = tokens.mask.clone()
    mask[2] = False
    values = torch.where(mask[..., None], tokens.values, 0.0)
    found = encoder.learning_part(ResidueTokens(values, mask))
    assert not found.values[2].any()
    whole = encoder.learning_part(tokens)
    torch.testing.assert_close(found.values[[0, 1, 3]], whole.values[[0, 1, 3]])
    assert all(grad.isfinite().all() for grad in gradients(encoder, found).values())


def test_the_frozen_part_shares_its_weights_and_holds_no_others() -> None:
    encoder = student(1)
    frozen, _ = parts_of(encoder)
    own = {id(parameter) for parameter in frozen.parameters()}
    still = {id(p) for p in encoder.parameters() if not p.requires_grad}
    assert own == still
    assert not frozen.train().training
    assert not any(module.training for module in frozen.modules())
    assert encoder.training


def test_packed_is_padded() -> None:
    encoder = student(2)
    frozen, padded = parts_of(encoder)
    packed = frozen(encoder.featurizer(RECORDS, Layout.PACKED))
    torch.testing.assert_close(packed.values, padded.values[padded.mask], rtol=1e-4, atol=1e-5)
