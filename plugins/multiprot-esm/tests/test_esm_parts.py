"""Options, sharded and headless checkpoints, features, and learning."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import EsmConfig, EsmModel
from transformers.utils import logging as transformers_logging

from multiprot.encoders.contract import Layout
from multiprot.encoders.options import validate_options
from multiprot.encoders.token_ids import TokenIdFeaturizer
from multiprot.errors import ConfigError, PluginError
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord
from multiprot_esm.architecture import SHAPE_KEYS, resolve
from multiprot_esm.encoder import Esm2Encoder
from multiprot_esm.options import Esm2Options
from multiprot_esm.plugin import esm2
from multiprot_esm.vocabulary import ESM2_TOKENS, Vocabulary

TINY = Esm2Options(layers=2, width=16, heads=2, max_residues=40)


def record(sequence: str, name: str = "a") -> ProteinRecord:
    return ProteinRecord(id=name, sequence=sequence)


def featurizer() -> TokenIdFeaturizer:
    return TokenIdFeaturizer(Vocabulary.of(ESM2_TOKENS, "test"), 40, "esm2")


def checkpoint(folder: Path, **saving: object) -> EsmModel:
    """Write a tiny model without any head into `folder`."""
    torch.manual_seed(0)
    config = EsmConfig(
        vocab_size=33,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        position_embedding_type="rotary",
        mask_token_id=32,
        pad_token_id=1,
    )
    model = EsmModel(config, add_pooling_layer=False).eval()
    model.save_pretrained(folder, **saving)
    return model


def same_tokens(folder: Path, direct: EsmModel) -> None:
    model = Esm2Encoder(Esm2Options(checkpoint=str(folder))).eval()
    features = model.featurizer([record("MKTAYIAK")], Layout.PADDED)
    with torch.no_grad():
        expected = direct(features.tokens).last_hidden_state[:, 1:-1]
        torch.testing.assert_close(model(features).values, expected, atol=1e-6, rtol=1e-5)


def test_a_model_without_heads_loads(tmp_path: Path) -> None:
    same_tokens(tmp_path, checkpoint(tmp_path))


def test_a_sharded_checkpoint_loads_and_a_missing_shard_is_refused(tmp_path: Path) -> None:
    direct = checkpoint(tmp_path, max_shard_size="8KB")
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    same_tokens(tmp_path, direct)
    shards[-1].unlink()
    with pytest.raises(PluginError, match=r"cannot be read|lacks"):
        Esm2Encoder(Esm2Options(checkpoint=str(tmp_path)))


def test_half_precision_weights_become_float32(tmp_path: Path) -> None:
    checkpoint(tmp_path)
    half = tmp_path / "half"
    EsmModel.from_pretrained(tmp_path, add_pooling_layer=False).half().save_pretrained(half)
    model = Esm2Encoder(Esm2Options(checkpoint=str(half)))
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_a_folder_of_an_older_transformers_keeps_its_positions(tmp_path: Path) -> None:
    """The released folders hold the frequencies once a layer, perhaps rounded to half precision."""
    checkpoint(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = {k: part for k, part in load_file(path).items() if "inv_freq" not in k}
    frequencies = (1e4 ** (-torch.arange(4) / 4)).half().float()
    for layer in range(2):
        name = f"encoder.layer.{layer}.attention.self.rotary_embeddings.inv_freq"
        tensors[name] = frequencies.clone()
    save_file(tensors, path, metadata={"format": "pt"})
    model = Esm2Encoder(Esm2Options(checkpoint=str(tmp_path)))
    assert torch.equal(model.trunk.rotary_embeddings.inv_freq, frequencies)


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    model = checkpoint(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(PluginError, match="can run code"):
        Esm2Encoder(Esm2Options(checkpoint=str(tmp_path)))


def test_loading_is_quiet_and_leaves_the_librarys_logging_as_it_was(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    checkpoint(tmp_path)
    capfd.readouterr()
    before = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    Esm2Encoder(Esm2Options(checkpoint=str(tmp_path)))
    after = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    assert capfd.readouterr() == ("", "")
    assert after == before


def test_checkpoints_that_the_network_would_have_are_not_fetched() -> None:
    with pytest.raises(PluginError, match=r"facebook/esm2_t6_8M_UR50D is not a folder"):
        esm2.capabilities(Esm2Options(checkpoint="facebook/esm2_t6_8M_UR50D"))


def test_from_scratch_the_shape_is_esm2_8m() -> None:
    """The figures of facebook/esm2_t6_8M_UR50D, whose trunk has 7.4 M parameters."""
    shape = resolve(Esm2Options()).shape
    assert set(shape) == set(SHAPE_KEYS)
    assert (shape["num_hidden_layers"], shape["hidden_size"]) == (6, 320)
    assert (shape["num_attention_heads"], shape["intermediate_size"]) == (20, 1280)
    model = Esm2Encoder(Esm2Options())
    layer = 4 * (320 * 320 + 320) + 2 * 320 * 1280 + 1280 + 320 + 4 * 320
    assert sum(p.numel() for p in model.parameters()) == 6 * layer + 33 * 320 + 2 * 320


def test_feed_forward_width_and_dropout_reach_the_model() -> None:
    options = Esm2Options(layers=1, width=16, heads=2, feed_forward_width=24, dropout=0.3)
    config = Esm2Encoder(options).trunk.config
    assert config.intermediate_size == 24
    assert config.hidden_dropout_prob == config.attention_probs_dropout_prob == 0.3


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    model = Esm2Encoder(TINY.model_copy(update={"dropout": 0.5}))
    features = model.featurizer([record("MKTAYIAK")], Layout.PADDED)
    model.train()
    assert not torch.equal(model(features).values, model(features).values)
    model.eval()
    assert torch.equal(model(features).values, model(features).values)


def test_tokens_of_a_batch() -> None:
    features = featurizer()([record("LAG"), record("M", "b")], Layout.PADDED)
    assert features.tokens.tolist() == [[0, 4, 5, 6, 2], [0, 20, 2, 1, 1]]
    assert features.mask.tolist() == [[True] * 3, [True, False, False]]
    assert features.padded
    assert not featurizer()([record("LAG")], Layout.PADDED).padded


def test_every_letter_has_a_token_that_is_no_special_one() -> None:
    tokens = featurizer()([record(RESIDUE_LETTERS)], Layout.PADDED).tokens[0, 1:-1]
    assert len(set(tokens.tolist())) == len(RESIDUE_LETTERS) - 1
    assert {ESM2_TOKENS[t] for t in tokens.tolist()} == set(RESIDUE_LETTERS) - {"J"}


def test_masking_never_touches_padding_or_ends() -> None:
    features = featurizer()([record("LAGV"), record("M", "b")], Layout.PADDED)
    everything = torch.ones(2, 4, dtype=torch.bool)
    masked = features.mask_residues(everything, torch.full((2, 4), -1))
    assert masked.tokens.tolist() == [[0, 32, 32, 32, 32, 2], [0, 32, 2, 1, 1, 1]]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"freeze": "some"}, "freeze"),
        ({"freeze": 0}, "freeze"),
        ({"layer": 4}, "layers"),
        ({"width": 30, "heads": 4}, "multiple of twice heads"),
        ({"checkpoint": "here", "width": 64, "heads": 4}, "decided by checkpoint"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        validate_options(esm2, options, "model.sequence.options")


@pytest.mark.parametrize("freeze", ["none", "all", 2])
def test_good_options_survive_a_bundles_json(freeze: object) -> None:
    options = validate_options(esm2, {"layers": 2, "freeze": freeze})
    again = validate_options(esm2, options.model_dump(mode="json"))
    assert again == options


def test_it_learns_to_fill_in_a_pattern() -> None:
    """Masked residues of a repeat: solvable only by position and context together."""
    torch.manual_seed(0)
    model = Esm2Encoder(TINY)
    head = torch.nn.Linear(16, 33)
    sequences = ["ACDE" * 8, "CDEA" * 8, "DEAC" * 8, "EACD" * 8]
    features = model.featurizer([record(s, s[0]) for s in sequences], Layout.PADDED)
    optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=5e-3)
    for _ in range(120):
        hidden = torch.rand(4, 32) < 0.2
        tokens = model(features.mask_residues(hidden, torch.full((4, 32), -1))).values
        loss = torch.nn.functional.cross_entropy(
            head(tokens[hidden]), features.tokens[:, 1:-1][hidden]
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.5 * torch.log(torch.tensor(4.0))
