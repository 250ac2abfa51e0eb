"""The ESM-2 encoder keeps the contract and gives what transformers' own model gives."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.encoders.contract import Layout, MaskableFeatures
from multiprot.errors import DataError, PluginError
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord
from multiprot_esm.encoder import Esm2Encoder
from multiprot_esm.options import Esm2Options
from multiprot_esm.plugin import esm2

TINY = Esm2Options(layers=2, width=16, heads=2, max_residues=40)
SEQUENCES = st.text(alphabet=RESIDUE_LETTERS, min_size=1, max_size=40)


def encoder(options: Esm2Options = TINY, seed: int = 0) -> Esm2Encoder:
    torch.manual_seed(seed)
    return Esm2Encoder(options).eval()


def records(*sequences: str) -> list[ProteinRecord]:
    return [ProteinRecord(id=f"p{i}", sequence=s) for i, s in enumerate(sequences)]


def tokens(model: Esm2Encoder, *sequences: str) -> torch.Tensor:
    with torch.no_grad():
        return model(model.featurizer(records(*sequences), Layout.PADDED)).values


def test_the_entry_point_is_the_plugin() -> None:
    (found,) = entry_points(group="multiprot.sequence_encoders", name="esm2")
    assert found.load() is esm2
    assert esm2.name == found.name


def test_listing_imports_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; from multiprot_esm.plugin import esm2; esm2.capabilities(esm2.config());"
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_row_r_is_residue_r() -> None:
    """A change of residue r moves token r more than any other."""
    model = encoder()
    before = tokens(model, "ACDEFGHIKL")[0]
    for row in range(10):
        sequence = "ACDEFGHIKL"[:row] + "W" + "ACDEFGHIKL"[row + 1 :]
        change = (tokens(model, sequence)[0] - before).norm(dim=-1)
        assert int(change.argmax()) == row


@given(sequences=st.lists(SEQUENCES, min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_tokens_do_not_depend_on_the_batch(sequences: list[str]) -> None:
    model = encoder()
    features = model.featurizer(records(*sequences), Layout.PADDED)
    with torch.no_grad():
        together = model(features)
    longest = max(map(len, sequences))
    assert together.values.shape == (len(sequences), longest, 16)
    for row, sequence in enumerate(sequences):
        assert together.mask[row].tolist() == [r < len(sequence) for r in range(longest)]
        assert not together.values[row, len(sequence) :].any()
        alone = tokens(model, sequence)[0]
        torch.testing.assert_close(
            together.values[row, : len(sequence)], alone, atol=1e-5, rtol=1e-4
        )


def test_no_attention_mask_without_padding() -> None:
    model = encoder()
    seen = []
    model.trunk.register_forward_pre_hook(
        lambda _module, _args, given: seen.append(given["attention_mask"]), with_kwargs=True
    )
    tokens(model, "ACD", "EFG")
    tokens(model, "ACD", "EF")
    assert seen[0] is None
    assert seen[1].tolist() == [[True] * 5, [True] * 4 + [False]]


def test_attention_is_torchs_own_and_no_parameter_is_idle() -> None:
    model = encoder().train()
    assert model.trunk.config._attn_implementation == "sdpa"
    out = model(model.featurizer(records(RESIDUE_LETTERS), Layout.PADDED)).values
    (out * torch.randn_like(out)).sum().backward()
    # A key's offset shifts all attention scores alike and cancels in the softmax.
    idle = [
        name
        for name, p in model.named_parameters()
        if (p.grad is None or not p.grad.any()) and not name.endswith("key.bias")
    ]
    assert idle == []


def test_masked_residues_cannot_be_told_apart() -> None:
    model = encoder()
    masked = torch.zeros(1, 6, dtype=torch.bool)
    masked[0, [1, 4]] = True
    nothing = torch.full((1, 6), -1)
    hidden = []
    for sequence in ("ACDEFG", "AWDEYG"):
        features = model.featurizer(records(sequence), Layout.PADDED)
        assert isinstance(features, MaskableFeatures)
        before = features.tokens.clone()
        hidden.append(model(features.mask_residues(masked, nothing)).values)
        assert torch.equal(features.tokens, before)
    assert torch.equal(hidden[0], hidden[1])
    assert not torch.allclose(hidden[0], tokens(model, "ACDEFG"))


@given(data=st.data(), sequences=st.lists(SEQUENCES, min_size=1, max_size=3))
@settings(max_examples=30, deadline=None)
def test_substitutes_are_shown_as_if_they_were_the_sequence(
    data: st.DataObject, sequences: list[str]
) -> None:
    featurizer = encoder().featurizer
    features = featurizer(records(*sequences), Layout.PADDED)
    masked = torch.tensor(
        [[data.draw(st.booleans()) for _ in row] for row in features.mask.tolist()]
    )
    letters = st.integers(0, len(RESIDUE_LETTERS) - 1)
    shown = torch.tensor([[data.draw(letters) for _ in row] for row in features.mask.tolist()])
    changed = [
        "".join(
            RESIDUE_LETTERS[int(shown[p, r])] if masked[p, r] else letter
            for r, letter in enumerate(sequence)
        )
        for p, sequence in enumerate(sequences)
    ]
    expected = featurizer(records(*changed), Layout.PADDED).tokens
    assert torch.equal(features.mask_residues(masked, shown).tokens, expected)


def test_a_long_protein_is_refused_by_name() -> None:
    featurizer = encoder().featurizer
    with pytest.raises(DataError, match=r"record p1: 41 residues.*at most 40"):
        featurizer(records("A" * 40, "A" * 41), Layout.PADDED)
    assert featurizer(records("A" * 40), Layout.PADDED).tokens.shape == (1, 42)


def test_features_survive_pickling_and_moving() -> None:
    model = encoder()
    features = model.featurizer(records("ACD", "EF"), Layout.PADDED)
    again = pickle.loads(pickle.dumps(features))  # noqa: S301
    assert torch.equal(again.tokens, features.tokens)
    moved = features.to(torch.device("meta"))
    assert {moved.tokens.device.type, moved.mask.device.type} == {"meta"}
    assert features.tokens.device.type == "cpu"
    assert pickle.loads(pickle.dumps(model.featurizer)) == model.featurizer  # noqa: S301


@pytest.mark.parametrize("freeze", ["all", 1])
def test_frozen_parts_neither_learn_nor_drop(freeze: str | int) -> None:
    options = TINY.model_copy(update={"freeze": freeze, "dropout": 0.5})
    model = encoder(options).train()
    features = model.featurizer(records("ACDEFG"), Layout.PADDED)
    first = model(features).values
    assert esm2.capabilities(options).trainable is (freeze == 1)
    assert first.requires_grad is (freeze == 1)
    if freeze == "all":
        assert torch.equal(first, model(features).values)
        assert not any(p.requires_grad for p in model.parameters())
        return
    learning = {n for n, p in model.named_parameters() if p.requires_grad}
    assert all(n.startswith(("trunk.encoder.layer.1.", "trunk.encoder.emb")) for n in learning)
    assert any(n.startswith("trunk.encoder.layer.1.") for n in learning)
    assert not torch.equal(first, model(features).values)
    assert not model.trunk.encoder.layer[0].training
    assert model.trunk.encoder.layer[1].training


def test_freezing_more_layers_than_there_are_is_refused() -> None:
    with pytest.raises(PluginError, match="only 2"):
        encoder(TINY.model_copy(update={"freeze": 3}))


def test_bfloat16_keeps_exact_positions() -> None:
    model = encoder(Esm2Options(layers=1, width=64, heads=1, max_residues=1000))
    sequence = "ACDEFGHIKLMNPQRSTVWY" * 45
    features = model.featurizer(records(sequence), Layout.PADDED)
    rough = copy.deepcopy(model).to(torch.bfloat16)
    assert rough.trunk.rotary_embeddings.inv_freq.dtype == torch.float32
    with torch.no_grad():
        exact, found = model(features).values, rough(features).values
    assert found.dtype == torch.bfloat16
    cosine = torch.cosine_similarity(exact, found.float(), dim=-1)
    assert float(cosine.min()) > 0.999


def test_capabilities_follow_the_options() -> None:
    assert esm2.capabilities(Esm2Options()).max_residues == 1022
    assert esm2.capabilities(TINY).max_residues == 40
    assert esm2.capabilities(TINY).packs
    assert not esm2.capabilities(Esm2Options(freeze="all")).trainable


def test_the_seed_decides_the_weights() -> None:
    first, second, other = encoder(), encoder(), encoder(seed=1)
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
    assert not torch.equal(next(first.parameters()), next(other.parameters()))
