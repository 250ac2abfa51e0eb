"""Vector channels turn with the protein, layer by layer and as a whole; mirrors are told apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import Tensor

from multiprot.encoders.contract import Layout
from multiprot.proteins import ProteinRecord
from multiprot.testing import example_records
from multiprot_gvp.encoder import GvpEncoder
from multiprot_gvp.features import GvpFeatures
from multiprot_gvp.layers import TupleDropout, TupleNorm
from multiprot_gvp.message import GvpLayer, Message
from multiprot_gvp.options import GvpOptions

SHAPES: dict[str, dict[str, Any]] = {
    "default": {},
    "massa": {"gate": False, "message_vectors": 9, "ends": "massa", "neighbours": 30},
    "residues": {"residues": True},
    "shallow": {"message_depth": 1, "update_depth": 1, "layers": 1},
}
Layer = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def options(shape: str) -> GvpOptions:
    small = {"node_scalars": 12, "node_vectors": 4, "edge_scalars": 8, "neighbours": 8}
    return GvpOptions.model_validate({**small, "dropout": 0.3, **SHAPES[shape]})


def encoder(shape: str) -> GvpEncoder:
    torch.manual_seed(0)
    return GvpEncoder(options(shape)).eval()


def placed(record: ProteinRecord, matrix: np.ndarray, shift: np.ndarray) -> ProteinRecord:
    """The record with `matrix` applied to its coordinates, then moved by `shift` Å."""
    if record.structure is None:
        return record
    coordinates = (record.structure.coordinates @ matrix.T + shift).astype(np.float32)
    return replace(record, structure=replace(record.structure, coordinates=coordinates))


def rotation(seed: int) -> np.ndarray:
    return Rotation.random(rng=seed).as_matrix()


def turned(vectors: Tensor, matrix: np.ndarray) -> Tensor:
    """`vectors` [..., xyz] under `matrix`."""
    return vectors @ torch.from_numpy(matrix.T).to(vectors.dtype)


def states(
    model: GvpEncoder, records: list[ProteinRecord], layout: Layout = Layout.PADDED
) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        return model.scalars_and_vectors(model.featurizer(records, layout))


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=st.integers(0, 10_000), shift=st.tuples(*[st.floats(-200, 200)] * 3))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_vectors_turn_and_scalars_stay(
    shape: str, seed: int, shift: tuple[float, float, float]
) -> None:
    """With gaps, breaks and missing atoms, wherever the protein lies."""
    model, matrix = encoder(shape), rotation(seed)
    records = list(example_records(seed % 3))
    scalars, vectors = states(model, records)
    moved = [placed(record, matrix, np.array(shift)) for record in records]
    other_scalars, other_vectors = states(model, moved)
    torch.testing.assert_close(other_scalars, scalars, atol=2e-3, rtol=2e-3)
    torch.testing.assert_close(other_vectors, turned(vectors, matrix), atol=2e-3, rtol=2e-3)
    assert (other_vectors - vectors).abs().max() > 0.1, "nothing turned"


@pytest.mark.parametrize("shape", SHAPES)
def test_moving_changes_neither(shape: str) -> None:
    model, records = encoder(shape), list(example_records())
    moved = [placed(record, np.eye(3), np.array([64.0, -32.0, 16.0])) for record in records]
    for here, there in zip(states(model, records), states(model, moved), strict=True):
        torch.testing.assert_close(there, here, atol=1e-4, rtol=1e-4)


def test_rows_are_residues_in_both_layouts() -> None:
    model, records = encoder("default"), list(example_records())
    scalars, vectors = states(model, records)
    packed_scalars, packed_vectors = states(model, records, Layout.PACKED)
    mask = model.featurizer(records, Layout.PADDED).mask
    longest = max(len(record) for record in records)
    assert scalars.shape == (len(records), longest, 12)
    assert vectors.shape == (len(records), longest, model.vector_dim, 3)
    assert not scalars[~mask].any()
    assert not vectors[~mask].any()
    power = vectors[mask].square().sum(-1).mean(-1)
    torch.testing.assert_close(power, torch.ones(len(power)), atol=1e-3, rtol=0)
    start = 0
    for row, record in enumerate(records):
        stop = start + len(record)
        torch.testing.assert_close(packed_scalars[start:stop], scalars[row, : len(record)])
        torch.testing.assert_close(packed_vectors[start:stop], vectors[row, : len(record)])
        start = stop
    assert stop == len(packed_vectors)


def test_no_protein_has_no_vectors() -> None:
    scalars, vectors = states(encoder("default"), [], Layout.PACKED)
    assert scalars.shape == (0, 12)
    assert vectors.shape == (0, 4, 3)


def test_vectors_keep_their_symmetry_in_training() -> None:
    """Dropout drops whole vectors, so what is left still turns."""
    model, matrix = encoder("default").train(), rotation(3)
    record = example_records()[0]
    found = []
    for protein in (record, placed(record, matrix, np.zeros(3))):
        torch.manual_seed(5)
        found.append(model.scalars_and_vectors(model.featurizer([protein], Layout.PADDED)))
    torch.testing.assert_close(found[1][0], found[0][0], atol=2e-3, rtol=2e-3)
    torch.testing.assert_close(found[1][1], turned(found[0][1], matrix), atol=2e-3, rtol=2e-3)


def _dropout(scalars: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return TupleDropout(0.4).train()(scalars, vectors)


def _layers(shape: str) -> dict[str, Layer]:
    """Every layer as a map of node states [node, 12] and [xyz, node, 4]."""
    torch.manual_seed(0)
    message, whole = Message(options(shape)), GvpLayer(options(shape)).eval()
    neighbours = torch.randint(0, 9, (9, 5))
    present = torch.rand(9, 5) > 0.3
    pairs = torch.randn(9, 5, 8)

    def edges(vectors: Tensor) -> tuple[Tensor, Tensor]:
        # Edges turn with the nodes: made of them.
        return pairs, (vectors[:, neighbours] - vectors[:, :, None])[..., :1]

    return {
        "norm": TupleNorm(12),
        "dropout": _dropout,
        "message": lambda s, v: message((s, v), edges(v), neighbours, present),
        "layer": lambda s, v: whole((s, v), edges(v), neighbours, None),
    }


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", _layers("default"))
@given(seed=st.integers(0, 10_000), mirror=st.booleans())
@settings(max_examples=8, deadline=None)
def test_each_layer_is_equivariant(name: str, shape: str, seed: int, mirror: bool) -> None:
    """Under reflections as well: no layer knows left from right."""
    layer = _layers(shape)[name]
    matrix = rotation(seed) * (-1 if mirror else 1)
    generator = torch.Generator().manual_seed(seed)
    scalars = torch.randn(9, 12, generator=generator)
    vectors = torch.randn(3, 9, 4, generator=generator)
    moved = turned(vectors.movedim(0, -1), matrix).movedim(-1, 0)
    found, other = layer(scalars, vectors), layer(scalars, moved)
    expected = turned(found[1].movedim(0, -1), matrix).movedim(-1, 0)
    torch.testing.assert_close(other[0], found[0], atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(other[1], expected, atol=1e-5, rtol=1e-3)
    assert found[1].abs().max() > 1e-3


def test_the_norm_is_the_papers() -> None:
    """Section 3.2 of Jing et al. 2021: vectors over the root of their mean square length."""
    torch.manual_seed(0)
    scalars, vectors = torch.randn(5, 12), torch.randn(3, 5, 4)
    found, found_vectors = TupleNorm(12)(scalars, vectors)
    torch.testing.assert_close(found, torch.nn.functional.layer_norm(scalars, (12,)))
    for node in range(5):
        squares = [float(vectors[:, node, c] @ vectors[:, node, c]) for c in range(4)]
        expected = vectors[:, node] / np.sqrt(np.mean(squares))
        torch.testing.assert_close(found_vectors[:, node], expected, atol=1e-5, rtol=1e-5)


def without_hand(features: GvpFeatures) -> GvpFeatures:
    """Features of which a mirror keeps all but the directions, which it reflects.

    Sines of dihedrals go, and the side chain's part off the plane of the residue's own atoms: here
    the whole side chain, which leaves the vectors along the chain.
    """
    graph = features.graph.clone()
    graph.scalars[:, :3] = 0.0
    graph.vectors[:, 2] = 0.0
    return replace(features, graph=graph)


@pytest.mark.parametrize("shape", ["default", "massa"])
def test_what_a_mirror_does(shape: str) -> None:
    """Handedness comes in by two features, dihedral signs and the side chain, and by nothing else.

    With them, a mirror image has other scalars and its vectors are not the mirrored ones. Without
    them, scalars stay and vectors are mirrored to the last digits.
    """
    model, mirror = encoder(shape), np.diag([1.0, 1.0, -1.0])
    record = example_records()[1]
    image = placed(record, mirror, np.zeros(3))
    given, reflected = (model.featurizer([r], Layout.PADDED) for r in (record, image))
    with torch.no_grad():
        seen, other = model.scalars_and_vectors(given), model.scalars_and_vectors(reflected)
        blind = model.scalars_and_vectors(without_hand(given))
        other_blind = model.scalars_and_vectors(without_hand(reflected))
    assert (other[0] - seen[0]).norm() > 0.05 * seen[0].norm()
    assert (other[1] - turned(seen[1], mirror)).norm() > 0.05 * seen[1].norm()
    torch.testing.assert_close(other_blind[0], blind[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(other_blind[1], turned(blind[1], mirror), atol=1e-4, rtol=1e-4)


def parted(
    record: ProteinRecord, at: int, matrix: np.ndarray, shift: tuple[float, ...]
) -> ProteinRecord:
    """The record broken after residue `at`, what is behind turned and moved by `shift` Å."""
    structure = record.structure
    assert structure is not None
    breaks = np.zeros(len(record), dtype=bool)
    breaks[at] = True
    coordinates = structure.coordinates.copy()
    coordinates[at + 1 :] = coordinates[at + 1 :] @ matrix.T + shift
    return replace(
        record, structure=replace(structure, coordinates=coordinates, chain_breaks=breaks)
    )


@pytest.mark.parametrize("shape", SHAPES)
@given(at=st.integers(0, 22), seed=st.integers(0, 1000))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_a_break_is_no_bond_however_short_a_part_is(shape: str, at: int, seed: int) -> None:
    """Also where a part has fewer residues than neighbours are wanted."""
    model, record = encoder(shape), example_records()[0]
    near = parted(record, at, rotation(seed), (200.0, 0.0, 0.0))
    far = parted(record, at, rotation(seed + 1), (-150.0, 260.0, 30.0))
    with torch.no_grad():
        here, there = (model(model.featurizer([r], Layout.PADDED)).values for r in (near, far))
    torch.testing.assert_close(here, there, atol=2e-3, rtol=2e-3)


def test_across_a_break_contacts_are_heard() -> None:
    model, record = encoder("default"), example_records()[0]
    still = np.eye(3)
    with torch.no_grad():
        touching, apart = (
            model(model.featurizer([parted(record, 11, still, s)], Layout.PADDED)).values
            for s in ((0.0, 0.0, 0.0), (0.0, 90.0, 0.0))
        )
    assert (touching - apart).norm() > 1e-3 * apart.norm()
