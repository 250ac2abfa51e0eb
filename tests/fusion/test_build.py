"""From settings to a model, with the encoders of the package."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from multiprot.encoders import EncoderSection, Registry
from multiprot.errors import ConfigError, PluginError
from multiprot.fusion import FusionConfig, FusionModel, ModelConfig, build_model

FUSION = FusionConfig(width=16, heads=2, pooling_heads=2, layers=1, shared_dim=8)
SEQUENCE = EncoderSection(name="residue-transformer")
STRUCTURE = EncoderSection(name="residue-geometry")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover()


def test_builds_the_encoders_that_are_named(registry: Registry) -> None:
    config = ModelConfig(sequence=SEQUENCE, structure=STRUCTURE, fusion=FUSION)
    model = build_model(config, registry)
    assert isinstance(model, FusionModel)
    assert model.sequence is not None
    assert model.structure is not None
    assert model.go is None


def test_the_seed_decides_every_weight(registry: Registry) -> None:
    config = ModelConfig(sequence=SEQUENCE, structure=STRUCTURE, fusion=FUSION)
    states = []
    for _ in range(2):
        torch.manual_seed(4)
        states.append(build_model(config, registry).state_dict())
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_go_without_an_ontology_is_refused(registry: Registry) -> None:
    config = ModelConfig(sequence=SEQUENCE, go=EncoderSection(name="term-table"), fusion=FUSION)
    with pytest.raises(ConfigError, match=r"term-table.*no ontology"):
        build_model(config, registry)


@pytest.mark.parametrize(
    ("section", "error", "told"),
    [
        ({"name": "residue-transfomer"}, PluginError, "residue-transformer"),
        (
            {"name": "residue-transformer", "options": {"no_such": 1}},
            ConfigError,
            r"sequence\.options\.no_such",
        ),
    ],
)
def test_a_bad_encoder_section_is_named(
    registry: Registry, section: dict[str, Any], error: type[Exception], told: str
) -> None:
    config = ModelConfig(sequence=EncoderSection(**section), fusion=FUSION)
    with pytest.raises(error, match=told):
        build_model(config, registry)
