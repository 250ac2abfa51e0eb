"""Checkpoint folders of each kind give what transformers itself gives on the documented input."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import T5EncoderModel
from transformers.utils import logging as transformers_logging

from multiprot.encoders.contract import Layout
from multiprot.encoders.options import validate_options
from multiprot.errors import PluginError
from multiprot.proteins import RESIDUE_LETTERS
from multiprot_prottrans.encoder import ProtTransEncoder
from multiprot_prottrans.family import PROTT5_TOKENS
from multiprot_prottrans.options import T5Options
from multiprot_prottrans.plugin import prott5

SEQUENCES = ("MKTAYIAKQRXBZUOJ", "ACDEFGHIKLMNPQRSTVWYACDEF", "W")


def tokens(model: ProtTransEncoder, given: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(model.featurizer(given, Layout.PADDED)).values


def test_ids_are_those_of_transformers_tokenizer(checkpoint: Any, records: Any) -> None:
    """Special tokens included: what the model sees is what its authors say it shall see."""
    model = checkpoint.encoder()
    for sequence in (*SEQUENCES, RESIDUE_LETTERS):
        features = model.featurizer(records(sequence), Layout.PADDED)
        assert features.tokens[0].tolist() == checkpoint.ids(sequence)


def test_tokens_are_those_of_transformers(checkpoint: Any, records: Any) -> None:
    """The library's own model, asked for one protein at a time; ours has them in one batch."""
    found = tokens(checkpoint.encoder(), records(*SEQUENCES))
    for row, sequence in enumerate(SEQUENCES):
        expected = checkpoint.hidden(sequence)
        torch.testing.assert_close(found[row, : len(sequence)], expected, atol=1e-5, rtol=1e-5)
        assert not found[row, len(sequence) :].any()


def test_hidden_residues_are_written_as_the_authors_do(checkpoint: Any, records: Any) -> None:
    model = checkpoint.encoder()
    masked = torch.tensor([[False, True, False, True, False]])
    features = model.featurizer(records("ACDEF"), Layout.PADDED)
    features = features.mask_residues(masked, torch.full((1, 5), -1))
    hidden = ["A", None, "D", None, "F"]
    assert features.tokens[0].tolist() == checkpoint.ids(hidden)
    with torch.no_grad():
        found = model(features).values[0]
    torch.testing.assert_close(found, checkpoint.hidden(hidden), atol=1e-5, rtol=1e-5)


def test_capabilities_come_from_the_folder(checkpoint: Any) -> None:
    capabilities = checkpoint.plugin.capabilities(checkpoint.options())
    bert = checkpoint.family.kind == "bert"
    assert capabilities.max_residues == (64 if bert else 4096)
    licences = {"prott5": "AFL-3.0", "prostt5": "MIT", "protbert": "AFL-3.0"}
    expected = licences.get(checkpoint.folder.name, "CC-BY-NC-SA-4.0")
    assert capabilities.weights_license == expected
    assert checkpoint.plugin.capabilities(checkpoint.plugin.config()).weights_license is None


def test_learned_positions_reach_to_the_limit_and_not_beyond(make: Any, records: Any) -> None:
    found = make("protbert")
    assert tokens(found.encoder(), records("A" * 64)).shape == (1, 64, 24)
    with pytest.raises(PluginError, match=r"max_residues 65 is more than the 64"):
        found.plugin.capabilities(found.options(max_residues=65))


@pytest.mark.parametrize("more", [{}, {"freeze": 1}, {"lora": {"rank": 2}}, {"dropout": 0.25}])
def test_portable_options_need_no_folder(checkpoint: Any, records: Any, more: Any) -> None:
    """What a bundle does: build from recorded options, then load its own weights."""
    model = checkpoint.encoder(**more)
    told = json.loads(json.dumps(model.portable_options))
    expected, weights = tokens(model, records(*SEQUENCES)), model.state_dict()
    shutil.rmtree(checkpoint.folder)
    options = validate_options(checkpoint.plugin, told)
    again = ProtTransEncoder(checkpoint.family, options).eval()
    again.load_state_dict(weights)
    assert torch.equal(tokens(again, records(*SEQUENCES)), expected)
    assert again.featurizer == model.featurizer
    assert again.portable_options == model.portable_options
    assert again.adapter_names == model.adapter_names
    assert checkpoint.plugin.capabilities(options).weights_license is not None
    learning = [{n for n, p in m.named_parameters() if p.requires_grad} for m in (model, again)]
    assert learning[0] == learning[1]


def test_prefix_of_prostt5(make: Any, records: Any) -> None:
    """<AA2fold> says that amino acids follow; it is there unless one says otherwise."""
    found = make("prostt5")
    given = records("MKT")
    ids = [
        found.encoder(**more).featurizer(given, Layout.PADDED).tokens[0].tolist()
        for more in ({}, {"prefix": "<AA2fold>"}, {"prefix": "<fold2AA>"}, {"prefix": ""})
    ]
    assert ids[0] == ids[1] == [149, *ids[3]]
    assert ids[2] == [148, *ids[3]]
    assert tokens(found.encoder(), given).shape == (1, 3, 24)
    with pytest.raises(PluginError, match="no token '<3Di>'"):
        found.encoder(prefix="<3Di>")


def test_prott5_has_no_prefix(make: Any, records: Any) -> None:
    found = make("prott5")
    assert found.encoder().featurizer(records("MKT"), Layout.PADDED).lead == 0
    with pytest.raises(PluginError, match="no token '<AA2fold>'"):
        found.encoder(prefix="<AA2fold>")


def test_ankh_reads_rare_letters_and_prott5_does_not(make: Any, records: Any) -> None:
    """ProtT5 and ProtBert were trained with [UZOB] replaced, although they have tokens for them."""
    for kind, alike in (("prott5", True), ("protbert", True), ("ankh", False)):
        features = make(kind).encoder().featurizer(records("UZOB", "XXXX", "JJJJ"), Layout.PADDED)
        rare, unknown, leucine_like = (row[features.residues].tolist() for row in features.tokens)
        assert (rare == unknown) is alike, kind
        assert leucine_like == unknown, kind


@pytest.mark.parametrize("kind", ["prott5", "prostt5", "protbert"])
def test_a_folder_that_transformers_5_saved_needs_no_other_file(
    make: Any, records: Any, kind: str
) -> None:
    """It writes tokenizer.json in the place of spiece.model or vocab.txt."""
    found = make(kind)
    expected = tokens(found.encoder(), records(*SEQUENCES))
    for name in ("spiece.model", "vocab.txt", "added_tokens.json"):
        (found.folder / name).unlink(missing_ok=True)
    found.tokenizer.save_pretrained(found.folder)
    assert (found.folder / "tokenizer.json").is_file()
    assert torch.equal(tokens(found.encoder(), records(*SEQUENCES)), expected)


def test_an_encoder_without_decoder_loads(make: Any, records: Any) -> None:
    """As Rostlab/prot_t5_xl_half_uniref50-enc is: saved from T5EncoderModel, in half precision."""
    found = make("prott5")
    T5EncoderModel.from_pretrained(found.folder).half().save_pretrained(found.folder)
    model = found.encoder()
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    T5EncoderModel.from_pretrained(found.folder).float().save_pretrained(found.folder)
    expected = found.hidden("MKT")
    torch.testing.assert_close(tokens(model, records("MKT"))[0], expected, atol=1e-5, rtol=1e-5)


def test_names_of_older_versions_are_understood(make: Any, records: Any) -> None:
    """BERT's norms were gamma and beta once, and its positions' numbers were saved as a tensor."""
    found = make("protbert")
    expected = tokens(found.encoder(), records(*SEQUENCES))
    path = found.folder / "model.safetensors"
    older = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    tensors = {}
    for name, part in load_file(path).items():
        new = next((end for end in older if name.endswith(end)), None)
        tensors[name if new is None else name.removesuffix(new) + older[new]] = part
    tensors["bert.embeddings.position_ids"] = torch.arange(66)[None]
    save_file(tensors, path, metadata={"format": "pt"})
    assert torch.equal(tokens(found.encoder(), records(*SEQUENCES)), expected)


def test_a_released_order_of_pieces_gives_the_released_ids(make: Any, records: Any) -> None:
    """ProtT5-XL's own table, as its users print it (agemagician/ProtTrans, issue 42)."""
    found = make("prott5")
    (found.folder / "spiece.model").unlink()
    vocabulary = [[token, 0.0] for token in PROTT5_TOKENS]
    told = {"model": {"type": "Unigram", "vocab": vocabulary}, "added_tokens": []}
    (found.folder / "tokenizer.json").write_text(json.dumps(told))
    features = found.encoder().featurizer(records("ALGVSREDTIPKFQNYMHWCX"), Layout.PADDED)
    assert features.tokens[0].tolist() == [*range(3, 24), 1]
    assert features.mask_token == 127


def test_a_sharded_checkpoint_loads_and_a_missing_shard_is_refused(make: Any, records: Any) -> None:
    found = make("ankh")
    expected = tokens(found.encoder(), records("MKT"))
    model = T5EncoderModel.from_pretrained(found.folder)
    (found.folder / "model.safetensors").unlink()
    model.save_pretrained(found.folder, max_shard_size="20KB")
    shards = sorted(found.folder.glob("model-*.safetensors"))
    assert len(shards) > 1
    assert torch.equal(tokens(found.encoder(), records("MKT")), expected)
    shards[-1].unlink()
    with pytest.raises(PluginError, match=r"cannot be read|lacks"):
        found.encoder()


def test_loading_is_quiet_and_leaves_the_librarys_logging_as_it_was(
    checkpoint: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    before = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    checkpoint.encoder()
    after = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    assert capfd.readouterr() == ("", "")
    assert after == before


def test_what_the_network_would_have_is_not_fetched() -> None:
    with pytest.raises(PluginError, match=r"Rostlab/ProstT5 is not a folder"):
        prott5.capabilities(T5Options(checkpoint="Rostlab/ProstT5"))
