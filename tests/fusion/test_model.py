"""The fused model: masks, missing modalities, batches, gradients."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from multiprot.encoders.contract import FusionOutputs, ProteinBatch
from multiprot.errors import DataError
from multiprot.fusion.model import FusionModel
from tests.fusion.fakes import (
    SMALL,
    FakeSequenceEncoder,
    FakeSequenceFeatures,
    FakeStructureFeatures,
    make_batch,
    make_model,
    take,
)

RUBBISH = (math.nan, math.inf, -math.inf, 1e38, -7.0, -0.0)
MODEL = make_model()


def parts(outputs: FusionOutputs) -> dict[str, Tensor]:
    """Every tensor of the outputs by name."""
    found = {"protein": outputs.protein, "projected": outputs.projected}
    for name in ("sequence_tokens", "structure_tokens", "fused_tokens"):
        tokens = getattr(outputs, name)
        if tokens is not None:
            found |= {name: tokens.values, f"{name}.mask": tokens.mask}
    if outputs.go_projected is not None:
        found["go_projected"] = outputs.go_projected
    return found


def run(batch: ProteinBatch, model: FusionModel = MODEL) -> dict[str, Tensor]:
    """Outputs without gradients."""
    with torch.no_grad():
        return parts(model(batch))


def assert_same_bits(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert value.isfinite().all(), name
        assert torch.equal(value, second[name]), name


def spoiled_structure(batch: ProteinBatch, rubbish: float) -> ProteinBatch:
    """Rubbish in every structure value that no residue owns."""
    features = batch.structure
    assert isinstance(features, FakeStructureFeatures)
    owned = features.mask & batch.has_structure[:, None] & batch.residue_mask
    values = torch.where(owned[..., None], features.values, rubbish)
    return replace(batch, structure=replace(features, values=values))


present = st.lists(st.booleans(), min_size=4, max_size=4)


@settings(max_examples=40, deadline=None)
@given(present, present, st.sampled_from(RUBBISH), st.integers(0, 1000))
def test_values_behind_a_false_mask_change_no_output_bit(
    sequences: list[bool], structures: list[bool], rubbish: float, seed: int
) -> None:
    model = make_model()
    encoder = model.sequence
    assert isinstance(encoder, FakeSequenceEncoder)
    batch = make_batch(seed=seed, has_structure=tuple(structures), padding=2)
    batch = replace(batch, has_sequence=torch.tensor(sequences))
    if not any(sequences) and not any(structures):
        return
    clean = run(batch, model)
    encoder.behind_mask = rubbish
    letters = torch.where(batch.residue_mask & batch.has_sequence[:, None], batch.residues, 7)
    assert isinstance(batch.sequence, FakeSequenceFeatures)
    spoiled = replace(batch, sequence=replace(batch.sequence, letters=letters))
    assert_same_bits(clean, run(spoiled_structure(spoiled, rubbish), model))


def test_the_same_values_in_front_of_the_mask_do_change_the_output() -> None:
    batch = make_batch()
    features = batch.structure
    assert isinstance(features, FakeStructureFeatures)
    moved = replace(batch, structure=replace(features, values=features.values + 0.1))
    clean, other = run(batch), run(moved)
    assert not torch.allclose(clean["projected"], other["projected"], atol=1e-4)


def test_a_modality_that_is_absent_equals_one_that_is_masked() -> None:
    masked = make_batch(has_structure=(False,) * 4)
    absent = replace(masked, structure=None)
    first, second = run(masked), run(absent)
    assert_same_bits(first, second)
    assert "structure_tokens" not in first


def test_a_protein_without_structure_is_the_same_beside_proteins_with_it() -> None:
    beside = run(make_batch(has_structure=(True, False, True, True)))
    without = run(make_batch(has_structure=(False,) * 4))
    for name in ("projected", "protein", "fused_tokens"):
        torch.testing.assert_close(beside[name][1], without[name][1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("padding", [1, 8, 61])
def test_more_padding_moves_no_real_row(padding: int) -> None:
    short, long = run(make_batch()), run(make_batch(padding=padding))
    residues = short["fused_tokens"].shape[1]
    for name in ("projected", "protein"):
        torch.testing.assert_close(long[name], short[name], rtol=0, atol=1e-6)
    torch.testing.assert_close(
        long["fused_tokens"][:, :residues], short["fused_tokens"], rtol=1e-6, atol=1e-6
    )
    assert not long["fused_tokens"][:, residues:].any()
    assert not long["fused_tokens.mask"][:, residues:].any()


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(5)), present)
def test_order_of_the_batch_does_not_matter(order: list[int], structures: list[bool]) -> None:
    batch = make_batch((9, 5, 12, 7, 3), has_structure=(*structures, True))
    straight, shuffled = run(batch), run(take(batch, list(order)))
    for name, value in straight.items():
        if name != "go_projected":
            torch.testing.assert_close(shuffled[name], value[order], rtol=1e-5, atol=1e-6)


def test_alone_is_as_in_a_batch() -> None:
    """To 1e-5 in float32: matrix products of other sizes add in another order."""
    batch = make_batch((9, 5, 12, 7), has_structure=(True, False, True, True))
    together = run(batch)
    for row, length in enumerate((9, 5, 12, 7)):
        single = take(batch, [row])
        sequence, structure = single.sequence, single.structure
        assert isinstance(sequence, FakeSequenceFeatures)
        assert isinstance(structure, FakeStructureFeatures)
        single = replace(
            single,
            residues=single.residues[:, :length],
            residue_mask=single.residue_mask[:, :length],
            sequence=FakeSequenceFeatures(sequence.letters[:, :length], sequence.mask[:, :length]),
            structure=FakeStructureFeatures(
                structure.values[:, :length], structure.mask[:, :length]
            ),
        )
        alone = run(single)
        for name in ("projected", "protein"):
            torch.testing.assert_close(alone[name][0], together[name][row], rtol=1e-5, atol=1e-5)


def test_a_protein_with_nothing_gives_zeros() -> None:
    batch = make_batch(has_structure=(True, False, True, True))
    batch = replace(batch, has_sequence=torch.tensor([True, False, False, True]))
    out = run(batch)
    for name in ("projected", "protein", "fused_tokens", "fused_tokens.mask"):
        assert not out[name][1].any(), name
        assert out[name][[0, 2, 3]].any(), name
    others = run(take(batch, [0, 2, 3]))
    torch.testing.assert_close(out["projected"][[0, 2, 3]], others["projected"])


def test_a_batch_with_nothing_is_refused() -> None:
    batch = replace(make_batch(), sequence=None, structure=None)
    with pytest.raises(DataError, match="sequence or structure"):
        MODEL(batch)


def test_masks_of_the_streams_say_who_has_what() -> None:
    batch = make_batch(has_structure=(True, False, True, False))
    batch = replace(batch, has_sequence=torch.tensor([True, True, False, True]))
    outputs = MODEL(batch)
    features = batch.structure
    assert isinstance(features, FakeStructureFeatures)
    sequence = batch.residue_mask & batch.has_sequence[:, None]
    structure = features.mask & batch.has_structure[:, None]
    assert torch.equal(outputs.sequence_tokens.mask, sequence)
    assert torch.equal(outputs.structure_tokens.mask, structure)
    assert torch.equal(outputs.fused_tokens.mask, sequence | structure)
    for tokens in (outputs.sequence_tokens, outputs.structure_tokens, outputs.fused_tokens):
        assert not tokens.values[~tokens.mask].any()


def test_projected_vectors_have_unit_length() -> None:
    out = run(make_batch())
    for name in ("projected", "go_projected"):
        torch.testing.assert_close(out[name].norm(dim=-1), torch.ones(len(out[name])))


def test_terms_are_projected_alike_alone_and_with_proteins() -> None:
    batch = make_batch()
    assert batch.go is not None
    with torch.no_grad():
        assert torch.equal(MODEL.project_terms(batch.go.terms), run(batch)["go_projected"])


def test_terms_without_a_go_encoder_are_refused() -> None:
    model = make_model(without=("go",))
    assert "go_projected" not in run(make_batch(), model)
    with pytest.raises(DataError, match="without a GO encoder"):
        model.project_terms(torch.tensor([1]))


@pytest.mark.parametrize(
    ("structure", "go", "has"),
    list(product((True, False), (True, False), ((True,) * 4, (False,) * 4, (True, False) * 2))),
)
def test_every_parameter_gets_a_gradient_whatever_the_batch_lacks(
    structure: bool, go: bool, has: tuple[bool, ...]
) -> None:
    """DistributedDataParallel hangs otherwise."""
    model = make_model().train()
    batch = make_batch(has_structure=has)
    batch = replace(
        batch, structure=batch.structure if structure else None, go=batch.go if go else None
    )
    outputs = model(batch)
    total = outputs.projected.sum()
    if outputs.go_projected is not None:
        total = total + outputs.go_projected.sum()
    total.backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None]
    assert missing == []
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_structure_only_proteins_beside_sequence_only_ones_leave_no_parameter_out() -> None:
    model = make_model().train()
    batch = make_batch(has_structure=(True, False, True, False))
    batch = replace(batch, has_sequence=~batch.has_structure)
    outputs = model(batch)
    (outputs.projected.sum() + outputs.go_projected.sum()).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_a_frozen_encoder_stays_frozen() -> None:
    model = make_model().train()
    assert model.sequence is not None
    model.sequence.requires_grad_(False)
    model(replace(make_batch(), structure=None)).projected.sum().backward()
    assert all(p.grad is None for p in model.sequence.parameters())


@pytest.mark.parametrize("without", [("sequence",), ("structure",), ("go",), ("structure", "go")])
def test_a_model_of_fewer_encoders_works_on_the_same_batch(without: tuple[str, ...]) -> None:
    out = run(make_batch(), make_model(without=without))
    assert all(value.isfinite().all() for value in out.values())
    assert out["projected"].norm(dim=-1).min() > 0.99
    assert not any(f"{name}_tokens" in out for name in without)


def test_packed_features_give_the_same_vectors() -> None:
    batch = make_batch()
    assert isinstance(batch.sequence, FakeSequenceFeatures)
    packed = replace(batch, sequence=replace(batch.sequence, packed=True))
    assert_same_bits(run(batch), run(packed))


def test_the_same_seed_builds_the_same_model() -> None:
    assert_same_bits(run(make_batch(), make_model()), run(make_batch(), make_model()))


def test_half_precision_forward_is_close_and_its_sums_are_float32() -> None:
    batch = make_batch(has_structure=(True, False, True, True))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = run(batch)
    full = run(batch)
    assert half["projected"].dtype == torch.float32
    cosine = (half["projected"] * full["projected"]).sum(dim=-1)
    assert cosine.min() > 0.99


def test_state_loads_into_a_fresh_model() -> None:
    other = make_model(SMALL, seed=5)
    assert not torch.equal(run(make_batch(), other)["projected"], run(make_batch())["projected"])
    other.load_state_dict(MODEL.state_dict())
    assert_same_bits(run(make_batch(), other), run(make_batch()))
