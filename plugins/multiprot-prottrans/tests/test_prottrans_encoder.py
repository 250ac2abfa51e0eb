"""The encoders from scratch: contract, positions, freezing, adapters, options."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from importlib.metadata import entry_points
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from multiprot.encoders.contract import Layout, MaskableFeatures
from multiprot.encoders.options import validate_options
from multiprot.errors import ConfigError, DataError, PluginError
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord
from multiprot_prottrans.architecture import resolve
from multiprot_prottrans.encoder import ProtTransEncoder
from multiprot_prottrans.family import PROTBERT, PROTBERT_TOKENS, PROTT5, PROTT5_TOKENS
from multiprot_prottrans.options import ProtBertOptions, T5Options
from multiprot_prottrans.plugin import ankh, protbert, prott5
from multiprot_prottrans.shape import BertShape, T5Shape
from multiprot_prottrans.vocabulary import Vocabulary

PLUGINS = {plugin.name: plugin for plugin in (prott5, protbert, ankh)}
TINY = {"layers": 2, "width": 16, "heads": 2}
SEQUENCES = st.text(alphabet=RESIDUE_LETTERS, min_size=1, max_size=40)

every_plugin = pytest.mark.parametrize("name", PLUGINS)


def encoder(name: str, seed: int = 0, **more: Any) -> Any:
    torch.manual_seed(seed)
    options = validate_options(PLUGINS[name], {**TINY, **more})
    return PLUGINS[name].build(options).eval()


def of(*sequences: str) -> list[ProteinRecord]:
    return [ProteinRecord(id=f"p{i}", sequence=s) for i, s in enumerate(sequences)]


def tokens(model: Any, *sequences: str) -> torch.Tensor:
    with torch.no_grad():
        return model(model.featurizer(of(*sequences), Layout.PADDED)).values


@every_plugin
def test_the_entry_point_is_the_plugin(name: str) -> None:
    (found,) = entry_points(group="multiprot.sequence_encoders", name=name)
    assert found.load() is PLUGINS[name]
    assert PLUGINS[name].name == name


def test_telling_capabilities_imports_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; from multiprot_prottrans.plugin import ankh, protbert, prott5\n"
        "for plugin in (ankh, protbert, prott5):\n"
        "    plugin.capabilities(plugin.config(**plugin.tiny_options))\n"
        "sys.exit(bool({'torch', 'transformers', 'sentencepiece'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@every_plugin
def test_tiny_options_build(name: str) -> None:
    plugin = PLUGINS[name]
    assert plugin.build(validate_options(plugin, plugin.tiny_options)).token_dim == 32


@given(sequences=st.lists(SEQUENCES, min_size=1, max_size=4), name=st.sampled_from(list(PLUGINS)))
@settings(max_examples=30, deadline=None)
def test_tokens_do_not_depend_on_the_batch(sequences: list[str], name: str) -> None:
    model = encoder(name)
    with torch.no_grad():
        together = model(model.featurizer(of(*sequences), Layout.PADDED))
    longest = max(map(len, sequences))
    assert together.values.shape == (len(sequences), longest, 16)
    for row, sequence in enumerate(sequences):
        assert together.mask[row].tolist() == [r < len(sequence) for r in range(longest)]
        assert not together.values[row, len(sequence) :].any()
        alone = tokens(model, sequence)[0]
        torch.testing.assert_close(
            together.values[row, : len(sequence)], alone, atol=1e-5, rtol=1e-4
        )


@pytest.mark.parametrize(("name", "lead"), [("prott5", 0), ("protbert", 1), ("ankh", 0)])
def test_no_attention_mask_without_padding(name: str, lead: int) -> None:
    model, seen = encoder(name), []
    model.trunk.register_forward_pre_hook(
        lambda _module, _args, given: seen.append(given["attention_mask"]), with_kwargs=True
    )
    tokens(model, "ACD", "EFG")
    tokens(model, "ACD", "EF")
    assert seen[0] is None
    assert seen[1].tolist() == [[True] * (lead + 4), [True] * (lead + 3) + [False]]


@given(data=st.data(), sequences=st.lists(SEQUENCES, min_size=1, max_size=3))
@settings(max_examples=30, deadline=None)
def test_substitutes_are_shown_as_if_they_were_the_sequence(
    data: st.DataObject, sequences: list[str]
) -> None:
    featurizer = encoder(data.draw(st.sampled_from(list(PLUGINS)))).featurizer
    features = featurizer(of(*sequences), Layout.PADDED)
    assert isinstance(features, MaskableFeatures)
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
    expected = featurizer(of(*changed), Layout.PADDED).tokens
    assert torch.equal(features.mask_residues(masked, shown).tokens, expected)


def test_tokens_of_a_batch() -> None:
    features = encoder("protbert").featurizer(of("LAG", "M"), Layout.PADDED)
    assert features.tokens.tolist() == [[2, 5, 6, 7, 3], [2, 21, 3, 0, 0]]
    everything = torch.ones(2, 3, dtype=torch.bool)
    masked = features.mask_residues(everything, torch.full((2, 3), -1))
    assert masked.tokens.tolist() == [[2, 4, 4, 4, 3], [2, 4, 3, 0, 0]]
    features = encoder("prott5").featurizer(of("LAG", "M"), Layout.PADDED)
    assert features.tokens.tolist() == [[4, 3, 5, 1], [19, 1, 0, 0]]
    masked = features.mask_residues(everything, torch.full((2, 3), -1))
    assert masked.tokens.tolist() == [[127, 127, 127, 1], [127, 1, 0, 0]]


def test_a_prefix_from_scratch_gets_a_token_of_its_own() -> None:
    model = encoder("prott5", prefix="<AA2fold>")
    assert model.featurizer(of("LAG"), Layout.PADDED).tokens.tolist() == [[128, 4, 3, 5, 1]]
    assert model.trunk.config.vocab_size == 129
    assert tokens(model, "LAG").shape == (1, 3, 16)


@every_plugin
def test_a_long_protein_is_refused_by_name(name: str) -> None:
    featurizer = encoder(name, max_residues=40).featurizer
    with pytest.raises(DataError, match=rf"record p1: 41 residues.*{name} takes at most 40"):
        featurizer(of("A" * 40, "A" * 41), Layout.PADDED)
    assert featurizer(of("A" * 40), Layout.PADDED).mask.shape == (1, 40)


def test_only_learned_positions_set_a_limit() -> None:
    """T5 counts distances, and beyond 128 residues all of them are one class."""
    assert prott5.capabilities(T5Options()).max_residues == 4096
    assert ankh.capabilities(T5Options(max_residues=9000)).max_residues == 9000
    assert protbert.capabilities(ProtBertOptions()).max_residues == 2046
    assert resolve(PROTBERT, ProtBertOptions(max_residues=5000)).shape.positions == 5002


@every_plugin
def test_features_survive_pickling_and_moving(name: str) -> None:
    model = encoder(name)
    features = model.featurizer(of("ACD", "EF"), Layout.PADDED)
    again = pickle.loads(pickle.dumps(features))  # noqa: S301
    assert torch.equal(again.tokens, features.tokens)
    moved = features.to(torch.device("meta"))
    assert {moved.tokens.device.type, moved.mask.device.type} == {"meta"}
    assert pickle.loads(pickle.dumps(model.featurizer)) == model.featurizer  # noqa: S301


@every_plugin
@pytest.mark.parametrize("freeze", ["all", 1])
def test_frozen_parts_neither_learn_nor_drop(name: str, freeze: str | int) -> None:
    model = encoder(name, freeze=freeze, dropout=0.5).train()
    features = model.featurizer(of("ACDEFG"), Layout.PADDED)
    seen: list[torch.Tensor] = []
    first = model.trunk.block[0] if hasattr(model.trunk, "block") else model.trunk.encoder.layer[0]
    first.register_forward_hook(lambda _m, _a, out: seen.append(out[0]))
    values = [model(features).values for _ in range(2)]
    assert torch.equal(*seen), "the frozen layer drops"
    assert values[0].requires_grad is (freeze == 1)
    assert torch.equal(*values) is (freeze == "all")
    learning = {n for n, p in model.named_parameters() if p.requires_grad}
    assert bool(learning) is (freeze == 1)
    inner = ("trunk.block.1.", "trunk.final_layer_norm.", "trunk.encoder.layer.1.")
    assert all(n.startswith(inner) for n in learning)


@every_plugin
def test_freezing_more_layers_than_there_are_is_refused(name: str) -> None:
    with pytest.raises(PluginError, match=f"{name}: freeze 3.*only 2"):
        encoder(name, freeze=3)


@every_plugin
def test_adapters_begin_as_nothing_and_alone_learn(name: str) -> None:
    plain, model = encoder(name), encoder(name, lora={"rank": 2})
    assert torch.equal(tokens(plain, "ACDEFG"), tokens(model, "ACDEFG"))
    learning = {n for n, p in model.named_parameters() if p.requires_grad}
    assert learning == model.adapter_names
    # Two matrices beside queries and values of each of two layers.
    assert len(learning) == 8
    assert learning <= set(model.state_dict())
    capabilities = PLUGINS[name].capabilities(
        validate_options(PLUGINS[name], {**TINY, "lora": {"rank": 2}})
    )
    assert (capabilities.adapters, capabilities.trainable) == (True, True)
    assert not PLUGINS[name].capabilities(PLUGINS[name].config()).adapters
    assert not plain.adapter_names


@every_plugin
def test_adapters_drop_in_training_and_their_base_does_not(name: str) -> None:
    model = encoder(name, dropout=0.5, lora={"rank": 2, "dropout": 0.5}).train()
    adapting = {n for n, m in model.trunk.named_modules() if m.training and n}
    assert adapting
    assert all("lora_" in n for n in adapting)
    with torch.no_grad():
        for part in model.parameters():
            if part.requires_grad:
                part.normal_()
    features = model.featurizer(of("ACDEFG"), Layout.PADDED)
    assert not torch.equal(model(features).values, model(features).values)
    model.eval()
    assert torch.equal(model(features).values, model(features).values)


def test_adapters_where_the_user_wants_them() -> None:
    model = encoder("prott5", lora={"rank": 2, "targets": ["wo"]})
    assert len(model.adapter_names) == 4
    with pytest.raises(PluginError, match=r"prott5: option lora\.targets names 'query'"):
        encoder("prott5", lora={"rank": 2, "targets": ["query"]})


@every_plugin
def test_bfloat16_is_close_on_a_long_protein(name: str) -> None:
    model = encoder(name, width=64)
    rough = copy.deepcopy(model).to(torch.bfloat16)
    sequence = "ACDEFGHIKLMNPQRSTVWY" * 45
    exact, found = tokens(model, sequence), tokens(rough, sequence)
    assert found.dtype == torch.bfloat16
    cosine = torch.cosine_similarity(exact, found.float(), dim=-1)
    assert float(cosine.min()) > 0.999


def test_the_vocabularies_from_scratch() -> None:
    assert (len(PROTT5_TOKENS), len(PROTBERT_TOKENS)) == (128, 30)
    for family, listed in ((PROTT5, PROTT5_TOKENS), (PROTBERT, PROTBERT_TOKENS)):
        table = {token: number for number, token in enumerate(listed)}
        letters = Vocabulary.of(table, family, None, "test").letters
        named = {
            letter: listed[i].removeprefix("▁")
            for letter, i in zip(RESIDUE_LETTERS, letters, strict=True)
        }
        assert {a: b for a, b in named.items() if a != b} == dict.fromkeys("BZJUO", "X")


def test_from_scratch_the_shape_is_t5_small() -> None:
    t5, bert = resolve(PROTT5, T5Options()).shape, resolve(PROTBERT, ProtBertOptions()).shape
    assert isinstance(t5, T5Shape)
    assert (t5.num_layers, t5.d_model, t5.num_heads, t5.d_kv, t5.d_ff) == (6, 512, 8, 64, 2048)
    assert isinstance(bert, BertShape)
    assert (bert.num_hidden_layers, bert.hidden_size, bert.intermediate_size) == (6, 512, 2048)


@every_plugin
def test_feed_forward_width_and_dropout_reach_the_model(name: str) -> None:
    config = encoder(name, feed_forward_width=24, dropout=0.3).trunk.config
    assert getattr(config, "d_ff", None) or config.intermediate_size == 24
    assert getattr(config, "dropout_rate", None) or config.hidden_dropout_prob == 0.3


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"freeze": "some"}, "freeze"),
        ({"freeze": 0}, "freeze"),
        ({"layer": 4}, "layers"),
        ({"width": 30, "heads": 4}, "multiple of heads"),
        ({"checkpoint": "here", "width": 64}, "decided by checkpoint"),
        ({"checkpoint": "here", "architecture": {}}, "both given"),
        ({"architecture": {}, "prefix": "<AA2fold>"}, "decided by architecture"),
        ({"freeze": "all", "lora": {"rank": 2}}, "freeze all beside lora"),
        ({"lora": {"rank": 0}}, "rank"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        validate_options(prott5, options, "model.sequence.options")


def test_protbert_has_no_prefix() -> None:
    with pytest.raises(ValidationError, match="prefix"):
        ProtBertOptions(prefix="<AA2fold>")


@every_plugin
def test_the_seed_decides_the_weights(name: str) -> None:
    first, second, other = encoder(name), encoder(name), encoder(name, seed=1)
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


@every_plugin
def test_it_learns_to_fill_in_a_pattern(name: str) -> None:
    """Masked residues of a repeat: solvable only by position and context together."""
    model: ProtTransEncoder = encoder(name, max_residues=64)
    head = torch.nn.Linear(16, 26)
    sequences = ["ACDE" * 8, "CDEA" * 8, "DEAC" * 8, "EACD" * 8]
    features = model.featurizer(of(*sequences), Layout.PADDED)
    truth = torch.tensor([[RESIDUE_LETTERS.index(x) for x in s] for s in sequences])
    optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=5e-3)
    losses = []
    # BERT has to learn its positions first.
    for _ in range(350 if name == "protbert" else 150):
        hidden = torch.rand(4, 32) < 0.2
        found = model(features.mask_residues(hidden, torch.full((4, 32), -1))).values
        losses.append(torch.nn.functional.cross_entropy(head(found[hidden]), truth[hidden]))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    late = torch.stack(losses[-10:]).detach().mean()
    assert float(late) < 0.5 * torch.log(torch.tensor(4.0))
