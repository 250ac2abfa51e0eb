"""A model of one encoder whose tokens are left alone: a distilled student."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from multiprot.data import BatchConfig, Collator
from multiprot.encoders.contract import ProteinBatch, ResidueTokens
from multiprot.encoders.registry import Registry
from multiprot.fusion import FusionModel, ModelConfig, build_model
from multiprot.proteins import ProteinRecord

WIDTH = 16
SEQUENCES = ("MKTAYIAKQR", "A", "ACDEFGHIKLMNPQRSTVWYXBZUO")


def config_of(width: int = WIDTH, **changes: Any) -> ModelConfig:
    fusion = {"residues": "alone", "layers": 0, "pooling": "mean", "width": width, "heads": 2}
    options = {"width": WIDTH, "layers": 1, "heads": 2}
    sequence = {"name": "residue-transformer", "options": options}
    return ModelConfig.model_validate({"sequence": sequence, "fusion": fusion} | changes)


def test_without_a_shared_space_the_encoder_is_all_there_is() -> None:
    config = config_of(fusion=config_of().fusion.model_dump() | {"shared_dim": 0})
    model = build_model(config, Registry.discover())
    assert {name.split(".")[0] for name, _ in model.named_parameters()} == {"sequence"}
    assert model(batch_of(model, *SEQUENCES)).projected.shape == (len(SEQUENCES), 0)
    with pytest.raises(ValidationError, match="shared_dim 0 with a GO encoder"):
        config_of(fusion={"shared_dim": 0}, go={"name": "term-table"})


def model_of(width: int = WIDTH) -> FusionModel:
    torch.manual_seed(0)
    return build_model(config_of(width), Registry.discover()).eval()


def batch_of(model: FusionModel, *sequences: str) -> ProteinBatch:
    records = [ProteinRecord(id=f"p{n}", sequence=each) for n, each in enumerate(sequences)]
    assert model.sequence is not None
    collate = Collator(model.sequence.featurizer, None, None, BatchConfig(crop_residues=None))
    return collate(records, np.arange(len(records)))


def own_tokens(model: FusionModel, batch: ProteinBatch) -> ResidueTokens:
    assert model.sequence is not None
    assert batch.sequence is not None
    tokens = model.sequence(batch.sequence)
    assert isinstance(tokens, ResidueTokens)
    return tokens


def test_tokens_are_the_encoders_own_and_the_vector_is_their_mean() -> None:
    model = model_of()
    batch = batch_of(model, *SEQUENCES)
    outputs, own = model(batch), own_tokens(model, batch)
    assert torch.equal(outputs.fused_tokens.values, own.values)
    assert torch.equal(outputs.fused_tokens.mask, batch.residue_mask)
    for row, sequence in enumerate(SEQUENCES):
        mean = own.values[row, : len(sequence)].mean(dim=0)
        torch.testing.assert_close(outputs.protein[row], mean)


def test_another_width_is_one_linear_map_of_the_mean() -> None:
    model = model_of(24)
    batch = batch_of(model, *SEQUENCES)
    maps = [m for m in model.streams.modules() if isinstance(m, torch.nn.Linear)]
    assert [(m.in_features, m.out_features) for m in maps] == [(WIDTH, 24)]
    own = own_tokens(model, batch)
    for row, sequence in enumerate(SEQUENCES):
        mean = own.values[row, : len(sequence)].mean(dim=0)
        torch.testing.assert_close(model(batch).protein[row], maps[0](mean))


def test_nothing_but_the_encoder_is_in_the_vector() -> None:
    """No weight beside the encoder's, but for the projection to the space shared with GO."""
    model = model_of()
    names = {name.split(".")[0] for name, _ in model.named_parameters()}
    assert names == {"sequence", "project_protein"}


@pytest.mark.parametrize("row", range(len(SEQUENCES)))
def test_company_and_padding_change_nothing(row: int) -> None:
    model = model_of(24)
    together = model(batch_of(model, *SEQUENCES)).protein[row]
    alone = model(batch_of(model, SEQUENCES[row])).protein[0]
    torch.testing.assert_close(together, alone)


def test_layers_have_nobody_to_look_at() -> None:
    with pytest.raises(ValidationError, match="set layers to 0"):
        config_of(fusion={"residues": "alone", "layers": 2})


def test_two_encoders_are_not_alone() -> None:
    structure = {"name": "residue-geometry", "options": {"width": 8}}
    with pytest.raises(ValidationError, match=r"fusion\.residues alone with"):
        config_of(structure=structure)
