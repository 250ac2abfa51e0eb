"""The reference sequence encoder, by the shared case."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from multiprot.encoders.contract import Layout
from multiprot.encoders.reference.plugins import ResidueTransformerConfig, residue_transformer
from multiprot.proteins import ProteinRecord
from multiprot.testing import SequenceEncoderSuite


class TestGated(SequenceEncoderSuite):
    plugin = residue_transformer

    def tiny_config(self) -> ResidueTransformerConfig:
        return ResidueTransformerConfig(width=16, layers=2, heads=2, max_residues=60)


class TestGelu(SequenceEncoderSuite):
    plugin = residue_transformer

    def tiny_config(self) -> ResidueTransformerConfig:
        return ResidueTransformerConfig(
            width=24, layers=1, heads=3, feed_forward="gelu", feed_forward_width=20, max_residues=60
        )


def test_heads_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValidationError, match="multiple of twice heads"):
        ResidueTransformerConfig(width=20, heads=4)


@pytest.mark.parametrize("width", [8, 48, 128, 200])
def test_default_hidden_width_keeps_the_parameter_count_of_plain_feed_forward(width: int) -> None:
    def parameters(kind: str) -> int:
        config = ResidueTransformerConfig(
            width=width,
            heads=2,
            layers=1,
            feed_forward=kind,  # type: ignore[arg-type]
        )
        return sum(p.numel() for p in residue_transformer.build(config).parameters())

    hidden = -(-8 * width // 48) * 16
    assert hidden % 16 == 0
    assert 0 <= parameters("gated") - parameters("gelu") + 5 * width <= 3 * 16 * width


def test_without_limit_any_length_is_taken() -> None:
    encoder = residue_transformer.build(
        ResidueTransformerConfig(width=8, heads=1, layers=1, max_residues=None)
    )
    features = encoder.featurizer([ProteinRecord(id="p", sequence="A" * 5000)], Layout.PACKED)
    assert features.letters.shape == (5000,)


def test_padding_counts_for_nothing_in_a_mask() -> None:
    encoder = residue_transformer.build(ResidueTransformerConfig(width=8, heads=1, layers=1))
    records = [ProteinRecord(id="a", sequence="ACD"), ProteinRecord(id="b", sequence="A")]
    everything = torch.ones(2, 3, dtype=torch.bool)
    for layout in Layout:
        features = encoder.featurizer(records, layout)
        masked = features.mask_residues(everything, torch.full((2, 3), 4))
        shown = masked.letters[masked.letters == 4]
        assert len(shown) == 4, "only the four residues are shown as the substitute"
