"""The reference structure encoder, by the shared case."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from multiprot.encoders.contract import Layout
from multiprot.encoders.reference.plugins import ResidueGeometryConfig, residue_geometry
from multiprot.testing import StructureEncoderSuite
from multiprot.testing.records import backbone, broken, protein, without_atoms


class TestFewNeighbours(StructureEncoderSuite):
    plugin = residue_geometry

    def tiny_config(self) -> ResidueGeometryConfig:
        return ResidueGeometryConfig(width=16, layers=2, neighbours=6)


class TestMoreNeighboursThanResidues(StructureEncoderSuite):
    plugin = residue_geometry

    def tiny_config(self) -> ResidueGeometryConfig:
        return ResidueGeometryConfig(width=12, layers=1, neighbours=70)


def _tokens(record, neighbours: int = 8) -> torch.Tensor:
    torch.manual_seed(0)
    encoder = residue_geometry.build(
        ResidueGeometryConfig(width=16, layers=1, neighbours=neighbours)
    ).eval()
    with torch.no_grad():
        return encoder(encoder.featurizer([record], Layout.PADDED)).values[0]


def test_missing_beta_carbon_does_not_give_glycine_away() -> None:
    record = protein(np.random.default_rng(0), "p", 20)
    bald = np.zeros((20, 5), np.bool_)
    bald[:, 4] = True
    assert torch.equal(_tokens(record), _tokens(without_atoms(record, bald)))


def test_a_chain_break_is_no_bond() -> None:
    record = protein(np.random.default_rng(0), "p", 20)
    whole, cut = _tokens(record), _tokens(broken(record, 9))
    changed = (whole - cut).abs().amax(dim=1) > 1e-4
    assert changed[9]
    assert changed[10]


def test_the_number_of_unresolved_residues_between_is_seen() -> None:
    record = protein(np.random.default_rng(0), "p", 20)
    gone = np.zeros((20, 5), np.bool_)
    gone[8:12] = True
    gap = without_atoms(record, gone)
    structure = backbone(gap)
    keep = np.r_[0:8, 12:20]
    closed = replace(
        gap,
        sequence="A" * 16,
        structure=replace(
            structure,
            coordinates=structure.coordinates[keep],
            present=structure.present[keep],
            chain_breaks=np.arange(16) == 7,
            confidence=structure.confidence[keep],
        ),
    )
    assert not torch.allclose(_tokens(gap)[keep], _tokens(closed), atol=1e-3)


def test_residue_without_nitrogen_keeps_a_token_from_its_distances() -> None:
    record = protein(np.random.default_rng(0), "p", 20)
    gone = np.zeros((20, 5), np.bool_)
    gone[5, 0] = True
    encoder = residue_geometry.build(ResidueGeometryConfig(width=16, layers=1))
    features = encoder.featurizer([without_atoms(record, gone)], Layout.PADDED)
    assert features.mask.all()
    assert not features.frames[5].any()
    assert torch.isfinite(encoder(features).values).all()
