"""Packed ESM is the padded one, and the same for a protein alone and among others."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from multiprot.encoders.contract import Layout, PackedTokens
from multiprot.encoders.packed_token_ids import PackedTokenIds
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord
from multiprot_esm.encoder import Esm2Encoder
from multiprot_esm.options import Esm2Options

SEQUENCES = ("MKTAYIAKQRQISFVKSHFSRQ", "W", "ACDEFGHIKL", RESIDUE_LETTERS, "VLSPADKTNV")


def records(*sequences: str) -> list[ProteinRecord]:
    return [ProteinRecord(id=f"p{n}", sequence=s) for n, s in enumerate(sequences)]


def encoder(seed: int = 0, **options: Any) -> Esm2Encoder:
    torch.manual_seed(seed)
    shape = {"layers": 2, "width": 32, "heads": 4, "max_residues": 1022, **options}
    if "checkpoint" in options:
        shape = options
    return Esm2Encoder(Esm2Options.model_validate(shape)).eval()


def packed(model: Esm2Encoder, *sequences: str) -> Tensor:
    with torch.no_grad():
        tokens = model(model.featurizer(records(*sequences), Layout.PACKED))
    assert isinstance(tokens, PackedTokens)
    assert tokens.offsets.diff().tolist() == [len(sequence) for sequence in sequences]
    assert tokens.mask.all()
    return tokens.values


def one_by_one(model: Esm2Encoder, *sequences: str) -> Tensor:
    """Tokens of each protein alone through transformers' own forward, without any padding."""
    rows = []
    for record in records(*sequences):
        ids = model.featurizer([record], Layout.PADDED).tokens
        with torch.no_grad():
            rows.append(model.trunk(input_ids=ids).last_hidden_state[0, 1:-1])
    return torch.cat(rows)


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)


def test_every_published_kind(file: Path) -> None:
    """ESM-2, ESM-1b with its norm before the layers, ESM-1v; token dropout as the files say."""
    model = encoder(checkpoint=str(file))
    close(packed(model, *SEQUENCES), one_by_one(model, *SEQUENCES))


def test_hidden_residues_are_counted_for_each_protein(file: Path) -> None:
    """`token_dropout` raises what is left by the share hidden in the same protein."""
    model = encoder(checkpoint=str(file))
    longest = max(map(len, SEQUENCES))
    rng = torch.Generator().manual_seed(0)
    masked = torch.rand(len(SEQUENCES), longest, generator=rng) < 0.4
    nothing = torch.full(masked.shape, -1)
    padded, row = (
        model.featurizer(records(*SEQUENCES), layout).mask_residues(masked, nothing)
        for layout in Layout
    )
    with torch.no_grad():
        expected = model(padded)
        close(model(row).values, expected.values[expected.mask])
    assert not torch.allclose(expected.values[expected.mask], packed(model, *SEQUENCES), atol=1e-3)


def test_adapters_act() -> None:
    plain, model = encoder(), encoder(lora={"rank": 2, "targets": ["query", "value", "dense"]})
    with torch.no_grad():
        for name, part in model.named_parameters():
            if name in model.adapter_names:
                part.normal_(std=0.3)
    close(packed(model, *SEQUENCES), one_by_one(model, *SEQUENCES))
    assert not torch.allclose(packed(model, "ACDE"), packed(plain, "ACDE"), atol=1e-3)


def test_nothing_is_kept_of_earlier_weights() -> None:
    model, other = encoder(seed=0), encoder(seed=1)
    packed(model, *SEQUENCES)
    model.load_state_dict(other.state_dict())
    assert torch.equal(packed(model, *SEQUENCES), packed(other, *SEQUENCES))


def test_gradients_are_those_of_the_padded_layout() -> None:
    gradients = []
    for layout in Layout:
        model = encoder(token_dropout=True).train()
        tokens = model(model.featurizer(records(*SEQUENCES), layout))
        values = tokens.values if layout is Layout.PACKED else tokens.values[tokens.mask]
        values[:, ::3].square().sum().backward()
        gradients.append({name: part.grad for name, part in model.named_parameters()})
    for name, gradient in gradients[0].items():
        scale = float(gradient.abs().max())
        torch.testing.assert_close(gradients[1][name], gradient, atol=1e-4 * scale + 1e-5, rtol=0)


def test_dropout_acts_in_training_alone() -> None:
    model = encoder(dropout=0.3)
    features = model.featurizer(records(*SEQUENCES), Layout.PACKED)
    assert torch.equal(model(features).values, model(features).values)
    model.train()
    assert not torch.equal(model(features).values, model(features).values)


def proteome(*lengths: int) -> list[str]:
    rng = torch.Generator().manual_seed(sum(lengths))
    drawn = (torch.randint(20, (length,), generator=rng).tolist() for length in lengths)
    return ["".join(RESIDUE_LETTERS[letter] for letter in letters) for letters in drawn]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_protein_has_the_same_tokens_in_every_batch(dtype: torch.dtype) -> None:
    """Bit for bit, at the width of the smallest released model."""
    model = encoder(width=320, heads=20).to(dtype)
    sequences = proteome(70, 1, 2, 301, 70, 5, 128, 33, 6)
    lengths = [len(sequence) for sequence in sequences]
    together = packed(model, *sequences).split(lengths)
    backwards = packed(model, *sequences[::-1]).split(lengths[::-1])[::-1]
    for sequence, first, second in zip(sequences, together, backwards, strict=True):
        alone = packed(model, sequence)
        assert torch.equal(first, second), len(sequence)
        assert torch.equal(first, alone), len(sequence)


def test_parity_with_transformers_in_float32_and_bfloat16() -> None:
    model = encoder(layers=6, width=320, heads=20, token_dropout=True)
    sequences = proteome(30, 120, 120, 450, 800)
    lengths = [len(sequence) for sequence in sequences]
    expected = pooled(one_by_one(model, *sequences), lengths)
    exact = pooled(packed(model, *sequences), lengths)
    rough = pooled(packed(copy.deepcopy(model).to(torch.bfloat16), *sequences).float(), lengths)
    assert float(torch.cosine_similarity(exact, expected).min()) >= 0.999999
    assert float(torch.cosine_similarity(rough, expected).min()) >= 0.9999


def pooled(tokens: Tensor, lengths: list[int]) -> Tensor:
    return torch.stack([part.mean(0) for part in tokens.double().split(lengths)])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_on_cuda(dtype: torch.dtype) -> None:
    device = torch.device("cuda")
    model = encoder(width=320, heads=20)
    sequences = proteome(70, 1, 301, 70)
    lengths = [len(sequence) for sequence in sequences]
    expected = pooled(one_by_one(model, *sequences), lengths)
    features = model.featurizer(records(*sequences), Layout.PACKED).to(device)
    assert isinstance(features, PackedTokenIds)
    with torch.no_grad():
        found = pooled(model.to(device, dtype)(features).values.cpu(), lengths)
    assert float(torch.cosine_similarity(found, expected).min()) >= 0.9999
