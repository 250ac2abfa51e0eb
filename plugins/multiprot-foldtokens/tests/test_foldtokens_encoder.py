"""States to tokens."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.encoders.contract import Layout, MaskableFeatures
from multiprot.encoders.options import validate_options
from multiprot.errors import ConfigError
from multiprot.testing import example_records
from multiprot_foldtokens.encoder import FoldTokenEncoder
from multiprot_foldtokens.options import FoldTokenOptions
from multiprot_foldtokens.plugin import foldtokens
from multiprot_foldtokens.states import UNDEFINED, state_numbers


def encoder(**options: object) -> FoldTokenEncoder:
    torch.manual_seed(0)
    return FoldTokenEncoder(FoldTokenOptions.model_validate({"token_dim": 6, **options}))


def test_the_entry_point_is_the_plugin() -> None:
    (found,) = entry_points(group="multiprot.structure_encoders", name="foldtokens")
    assert found.load() is foldtokens
    assert foldtokens.name == found.name


def test_states_are_had_without_torch() -> None:
    code = "import sys, multiprot_foldtokens.states; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(order=st.permutations(range(7)), layout=st.sampled_from(list(Layout)))
@settings(max_examples=15, deadline=None)
def test_a_token_is_the_vector_of_its_state(order: list[int], layout: Layout) -> None:
    records = [example_records()[row] for row in order]
    model = encoder()
    tokens = model(model.featurizer(records, layout))
    for row, record in enumerate(records):
        if record.structure is None:
            numbers = np.full(len(record), -1)
        else:
            numbers = state_numbers(record.structure)
        if layout is Layout.PACKED:
            start, stop = tokens.offsets[row], tokens.offsets[row + 1]
            values, mask = tokens.values[start:stop], tokens.mask[start:stop]
        else:
            values, mask = tokens.values[row, : len(record)], tokens.mask[row, : len(record)]
        assert mask.tolist() == (numbers >= 0).tolist()
        expected = model.state.weight[torch.from_numpy(numbers).clamp(min=0)]
        assert torch.equal(values, torch.where(mask[:, None], expected, 0.0))


def test_residues_without_a_state_share_a_vector_that_is_learned() -> None:
    model = encoder()
    record = example_records()[0]
    tokens = model(model.featurizer([record], Layout.PADDED))
    tokens.values[0, 0].sum().backward()
    assert model.state.weight.grad is not None
    assert model.state.weight.grad.any(dim=1).nonzero().flatten().tolist() == [UNDEFINED]


def test_nothing_to_hide() -> None:
    """No amino acid is in the features, so masking a residue has nothing to do here."""
    features = encoder().featurizer(example_records(), Layout.PADDED)
    assert not isinstance(features, MaskableFeatures)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_tokens_are_in_the_type_of_the_parameters(precision: torch.dtype) -> None:
    model = encoder().to(precision)
    assert model(model.featurizer(example_records(), Layout.PADDED)).values.dtype == precision


def test_moving_leaves_the_original() -> None:
    features = encoder().featurizer(example_records(), Layout.PACKED)
    moved = features.to(torch.device("meta"))
    assert moved.offsets is not None
    assert features.offsets is not None
    assert moved.states.device.type == moved.offsets.device.type == "meta"
    assert features.states.device.type == features.offsets.device.type == "cpu"


@pytest.mark.parametrize(
    ("options", "named"), [({"token_dim": 0}, "token_dim"), ({"c_beta": "virtual"}, "ideal")]
)
def test_a_bad_option_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        validate_options(foldtokens, options, "model.structure.options")
