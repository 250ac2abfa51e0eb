"""From settings to a model, with the encoders of the package."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from multiprot.encoders import EncoderSection, Registry
from multiprot.encoders.contract import Layout, ProteinBatch
from multiprot.errors import ConfigError, PluginError
from multiprot.fusion import FusionConfig, FusionModel, ModelConfig, build_model
from multiprot.proteins import BackboneStructure, ProteinRecord, residue_indices

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


def _record(name: str, sequence: str, resolved: float | None) -> ProteinRecord:
    """A random chain with 3.8 Å steps, of which a share is resolved; None: no structure."""
    if resolved is None:
        return ProteinRecord(id=name, sequence=sequence)
    rng = np.random.default_rng(len(sequence))
    steps = rng.normal(size=(len(sequence), 1, 3))
    trace = np.cumsum(3.8 * steps / np.linalg.norm(steps, axis=-1, keepdims=True), axis=0)
    coordinates = (trace + rng.normal(size=(len(sequence), 5, 3))).astype(np.float32)
    present = np.repeat(rng.random((len(sequence), 1)) < resolved, 5, axis=1)
    present[0] = True
    coordinates[~present] = np.nan
    return ProteinRecord(
        id=name,
        sequence=sequence,
        structure=BackboneStructure(
            coordinates=coordinates,
            present=present,
            chain_breaks=np.zeros(len(sequence), dtype=np.bool_),
            confidence=np.where(present[:, 0], 50, np.nan).astype(np.float32),
        ),
    )


def _batch(model: FusionModel, records: list[ProteinRecord]) -> ProteinBatch:
    indices = [torch.from_numpy(residue_indices(record.sequence)) for record in records]
    residues = pad_sequence(indices, batch_first=True, padding_value=-1)
    assert model.sequence is not None
    assert model.structure is not None
    return ProteinBatch(
        ids=tuple(record.id for record in records),
        residues=residues,
        residue_mask=residues >= 0,
        sequence=model.sequence.featurizer(records, Layout.PADDED),
        structure=model.structure.featurizer(records, Layout.PADDED),
        has_sequence=torch.ones(len(records), dtype=torch.bool),
        has_structure=torch.tensor([record.structure is not None for record in records]),
    )


RECORDS = [
    _record("whole", "MKTAYIAKQRQISFVKSHFSRQ", 1.0),
    _record("none", "GSHMLEDPVDAFKLWX", None),
    _record("partly", "ACDEFGHIKLMNPQRSTVWYACDEFG", 0.6),
]


@pytest.fixture(scope="module")
def model(registry: Registry) -> FusionModel:
    torch.manual_seed(0)
    config = ModelConfig(sequence=SEQUENCE, structure=STRUCTURE, fusion=FUSION)
    return build_model(config, registry).eval()


def test_the_packages_own_encoders_meet_in_one_batch(model: FusionModel) -> None:
    outputs = model(_batch(model, RECORDS))
    assert outputs.structure_tokens is not None
    assert outputs.structure_tokens.mask.any(dim=1).tolist() == [True, False, True]
    torch.testing.assert_close(outputs.projected.norm(dim=1), torch.ones(3))
    outputs.projected.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("row", range(len(RECORDS)))
def test_alone_is_as_in_a_batch_with_the_packages_own_encoders(
    model: FusionModel, row: int
) -> None:
    with torch.no_grad():
        together = model(_batch(model, RECORDS)).projected[row]
        alone = model(_batch(model, RECORDS[row : row + 1])).projected[0]
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


def test_structure_changes_the_vector_of_the_protein_that_has_it(model: FusionModel) -> None:
    bare = [ProteinRecord(id=record.id, sequence=record.sequence) for record in RECORDS]
    with torch.no_grad():
        moved = model(_batch(model, RECORDS)).projected - model(_batch(model, bare)).projected
    assert moved[[0, 2]].abs().max(dim=1).values.min() > 1e-3
    torch.testing.assert_close(moved[1], torch.zeros_like(moved[1]), rtol=0, atol=1e-5)
