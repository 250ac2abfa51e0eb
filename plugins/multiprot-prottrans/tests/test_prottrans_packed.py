"""Packed ProtT5, ProtBert and Ankh are transformers' own, alone and among other proteins."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from multiprot.encoders.contract import Layout, PackedTokens
from multiprot.encoders.options import validate_options
from multiprot.encoders.packed_token_ids import PackedTokenIds
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord
from multiprot_prottrans.packed import relative_bias
from multiprot_prottrans.plugin import ankh, protbert, prott5

PLUGINS = {plugin.name: plugin for plugin in (prott5, protbert, ankh)}
SEQUENCES = ("MKTAYIAKQRQISFVKSHFSRQ", "W", "ACDEFGHIKL", RESIDUE_LETTERS, "VLSPADKTNV")

every_plugin = pytest.mark.parametrize("name", PLUGINS)


def records(*sequences: str) -> list[ProteinRecord]:
    return [ProteinRecord(id=f"p{n}", sequence=s) for n, s in enumerate(sequences)]


def encoder(name: str, seed: int = 0, **more: Any) -> Any:
    torch.manual_seed(seed)
    shape = {"layers": 2, "width": 32, "heads": 4, **more}
    model = PLUGINS[name].build(validate_options(PLUGINS[name], shape)).eval()
    with torch.no_grad():
        for part, values in model.named_parameters():
            # As drawn, a T5's bias is too small to be missed.
            if "relative_attention_bias" in part:
                values.normal_()
    return model


def packed(model: Any, *sequences: str) -> Tensor:
    with torch.no_grad():
        tokens = model(model.featurizer(records(*sequences), Layout.PACKED))
    assert isinstance(tokens, PackedTokens)
    assert tokens.offsets.diff().tolist() == [len(sequence) for sequence in sequences]
    assert tokens.mask.all()
    return tokens.values


def one_by_one(model: Any, *sequences: str) -> Tensor:
    """Tokens of each protein alone through transformers' own forward, without any padding."""
    rows = []
    for record in records(*sequences):
        features = model.featurizer([record], Layout.PADDED)
        with torch.no_grad():
            hidden = model.trunk(input_ids=features.tokens).last_hidden_state
        rows.append(hidden[0, features.residues])
    return torch.cat(rows)


def proteome(*lengths: int) -> list[str]:
    rng = torch.Generator().manual_seed(sum(lengths))
    drawn = (torch.randint(20, (length,), generator=rng).tolist() for length in lengths)
    return ["".join(RESIDUE_LETTERS[letter] for letter in letters) for letters in drawn]


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)


def test_every_published_kind(checkpoint: Any) -> None:
    model = checkpoint.encoder()
    expected = [checkpoint.hidden(sequence) for sequence in SEQUENCES]
    close(packed(model, *SEQUENCES), torch.cat(expected))


@every_plugin
def test_proteins_longer_than_a_t5_tells_distances_apart(name: str) -> None:
    model = encoder(name)
    sequences = proteome(300, 5, 129, 128, 300)
    close(packed(model, *sequences), one_by_one(model, *sequences))


def test_the_bias_is_that_of_transformers() -> None:
    attention = encoder("prott5").trunk.block[0].layer[0].SelfAttention
    for places in (1, 2, 7, 300):
        expected = attention.compute_bias(places, places)[0]
        assert torch.equal(relative_bias(attention, places), expected)


@every_plugin
def test_hidden_residues_are_those_of_the_padded_layout(name: str) -> None:
    model = encoder(name)
    rng = torch.Generator().manual_seed(0)
    masked = torch.rand(len(SEQUENCES), max(map(len, SEQUENCES)), generator=rng) < 0.4
    nothing = torch.full(masked.shape, -1)
    padded, row = (
        model.featurizer(records(*SEQUENCES), layout).mask_residues(masked, nothing)
        for layout in Layout
    )
    with torch.no_grad():
        expected = model(padded)
        close(model(row).values, expected.values[expected.mask])
    assert not torch.allclose(expected.values[expected.mask], packed(model, *SEQUENCES), atol=1e-3)


@every_plugin
def test_adapters_act(name: str) -> None:
    plain, model = encoder(name), encoder(name, lora={"rank": 2})
    with torch.no_grad():
        for part, values in model.named_parameters():
            if part in model.adapter_names:
                values.normal_(std=0.3)
    close(packed(model, *SEQUENCES), one_by_one(model, *SEQUENCES))
    assert not torch.allclose(packed(model, "ACDE"), packed(plain, "ACDE"), atol=1e-3)


@every_plugin
def test_gradients_are_those_of_the_padded_layout(name: str) -> None:
    gradients = []
    for layout in Layout:
        model = encoder(name).train()
        tokens = model(model.featurizer(records(*SEQUENCES), layout))
        values = tokens.values if layout is Layout.PACKED else tokens.values[tokens.mask]
        values[:, ::3].square().sum().backward()
        gradients.append({part: values.grad for part, values in model.named_parameters()})
    for part, gradient in gradients[0].items():
        assert gradient is not None, part
        scale = float(gradient.abs().max())
        torch.testing.assert_close(gradients[1][part], gradient, atol=1e-4 * scale + 1e-5, rtol=0)


@every_plugin
def test_dropout_acts_in_training_alone(name: str) -> None:
    model = encoder(name, dropout=0.3)
    features = model.featurizer(records(*SEQUENCES), Layout.PACKED)
    assert torch.equal(model(features).values, model(features).values)
    model.train()
    assert not torch.equal(model(features).values, model(features).values)


@every_plugin
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_protein_has_the_same_tokens_in_every_batch(name: str, dtype: torch.dtype) -> None:
    """Bit for bit, at the width of MTDP's student."""
    model = encoder(name, width=512, heads=8).to(dtype)
    sequences = proteome(70, 1, 2, 301, 70, 5, 128, 33, 6)
    lengths = [len(sequence) for sequence in sequences]
    together = packed(model, *sequences).split(lengths)
    backwards = packed(model, *sequences[::-1]).split(lengths[::-1])[::-1]
    for sequence, first, second in zip(sequences, together, backwards, strict=True):
        assert torch.equal(first, second), len(sequence)
        assert torch.equal(first, packed(model, sequence)), len(sequence)


@every_plugin
def test_bfloat16_is_close_on_a_long_protein(name: str) -> None:
    model = encoder(name, width=64)
    (sequence,) = proteome(900)
    exact, found = packed(model, sequence), packed(copy.deepcopy(model).bfloat16(), sequence)
    assert found.dtype == torch.bfloat16
    cosine = torch.cosine_similarity(exact, found.float(), dim=-1)
    assert float(cosine.min()) > 0.999


@every_plugin
def test_a_batch_of_no_proteins(name: str) -> None:
    assert packed(encoder(name)).shape == (0, 32)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@every_plugin
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_on_cuda(name: str, dtype: torch.dtype) -> None:
    device = torch.device("cuda")
    model = encoder(name, width=512, heads=8)
    sequences = proteome(70, 1, 301, 70)
    expected = one_by_one(model, *sequences)
    features = model.featurizer(records(*sequences), Layout.PACKED).to(device)
    assert isinstance(features, PackedTokenIds)
    with torch.no_grad():
        found = model.to(device, dtype)(features).values.cpu().float()
    assert float(torch.cosine_similarity(found, expected, dim=-1).min()) >= 0.999
