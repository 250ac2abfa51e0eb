"""Folders that are damaged, incomplete, in another format or of another model are refused."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from multiprot.encoders.contract import Layout
from multiprot.errors import PluginError
from multiprot_prottrans.architecture import resolve
from multiprot_prottrans.family import ANKH, PROTBERT, PROTT5
from multiprot_prottrans.options import ProtBertOptions, T5Options

Damage = Callable[[Path], object]

VOCABULARY = {"prott5": "spiece.model", "protbert": "vocab.txt", "ankh": "tokenizer.json"}


def drop_tensor(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    inner = (key for key in sorted(tensors) if re.search(r"encoder.*\.1\..*(query|q)\.weight", key))
    tensors.pop(next(inner))
    save_file(tensors, path, metadata={"format": "pt"})


def change(name: str, **values: object) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / name
        found = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps(found | values))

    return damage


def cut(name: str, size: int) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def sizes(**t5: object) -> Damage:
    """Change a size under the name it has in either config.json."""
    bert = {"num_layers": "num_hidden_layers", "d_model": "hidden_size"}

    def damage(folder: Path) -> None:
        kind = json.loads((folder / "config.json").read_text())["model_type"]
        named = {bert.get(k, k) if kind == "bert" else k: v for k, v in t5.items()}
        change("config.json", **named)(folder)

    return damage


DAMAGES: dict[str, tuple[Damage, str]] = {
    "no folder": (lambda f: f.rename(f.with_name(f.name + "-moved")), "is not a folder"),
    "no config": (lambda f: (f / "config.json").unlink(), r"no config\.json"),
    "empty config": (lambda f: (f / "config.json").write_text(""), "not readable as JSON"),
    "binary config": (lambda f: (f / "config.json").write_bytes(b"\xff\x00"), "not readable"),
    "deep config": (lambda f: (f / "config.json").write_text("[" * 99999), "not readable"),
    "list as config": (lambda f: (f / "config.json").write_text("[]"), "model_type None"),
    "another model": (change("config.json", model_type="esm"), "model_type 'esm'"),
    "words for numbers": (sizes(num_layers="many"), "num_.*layers is 'many'"),
    "no layers": (sizes(num_layers=0), "num_.*layers is 0"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), r"no model\.safetensors"),
    "cut weights": (cut("model.safetensors", 5000), "cannot be read"),
    "empty weights": (cut("model.safetensors", 0), "cannot be read"),
    "a tensor short": (drop_tensor, r"lacks 1 tensors of the model, first .*\.1\."),
    "more layers": (sizes(num_layers=4), r"lacks \d+ tensors"),
    "fewer layers": (sizes(num_layers=2), r"holds \d+ tensors of a model that its settings"),
    "other width": (sizes(d_model=32), "tensors of other shapes"),
    "fewer tokens": (sizes(vocab_size=5), "embeds only 5 tokens"),
    "more tokens": (sizes(vocab_size=500), "tensors of other shapes"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", VOCABULARY)
def test_a_damaged_folder_is_refused_with_its_name(make: Any, kind: str, damage: str) -> None:
    found = make(kind)
    spoil, expected = DAMAGES[damage]
    spoil(found.folder)
    with pytest.raises(PluginError, match=expected) as caught:
        found.encoder()
    assert str(found.folder) in str(caught.value)
    assert "\n" not in str(caught.value)


FILES: dict[str, tuple[str, Damage, str]] = {
    "no pieces": ("prott5", lambda f: (f / "spiece.model").unlink(), "neither spiece.model nor"),
    "cut pieces": ("prott5", cut("spiece.model", 100), "not a SentencePiece model"),
    "empty pieces": ("prott5", cut("spiece.model", 0), "SentencePiece|no token"),
    "other sentinels": ("prott5", change("tokenizer_config.json", extra_ids="x"), "not what"),
    "no sentinels": ("prott5", change("tokenizer_config.json", extra_ids=0), "'<extra_id_0>'"),
    "endless sentinels": (
        "prott5",
        change("tokenizer_config.json", extra_ids=10**12),
        "extra_ids 1000000000000 is more than",
    ),
    "negative id": ("prostt5", change("added_tokens.json", **{"<AA2fold>": -1}), "'<AA2fold>'"),
    "prefix that is a residue": (
        "prostt5",
        change("added_tokens.json", **{"<AA2fold>": 5}),
        "gives one id to several",
    ),
    "odd added tokens": ("prostt5", change("added_tokens.json", odd=[1]), "not what transformers"),
    "no lines": ("protbert", lambda f: (f / "vocab.txt").unlink(), "neither vocab.txt nor"),
    "short vocabulary": ("protbert", cut("vocab.txt", 40), "has no token"),
    "binary vocabulary": (
        "protbert",
        lambda f: (f / "vocab.txt").write_bytes(b"\xff\xfe\x00"),
        "not UTF-8",
    ),
    "double token": (
        "protbert",
        lambda f: (f / "vocab.txt").write_text((f / "vocab.txt").read_text() + "L\n"),
        "'L' stands there twice",
    ),
    "relative positions": (
        "protbert",
        change("config.json", position_embedding_type="relative_key"),
        "position_embedding_type 'relative_key'",
    ),
    "heads that do not fit": ("protbert", change("config.json", num_attention_heads=5), "multiple"),
    "unknown activation": ("protbert", change("config.json", hidden_act="soft"), "'soft'"),
    "no tokenizer": ("ankh", lambda f: (f / "tokenizer.json").unlink(), "neither spiece.model"),
    "a model without tokens": ("ankh", change("tokenizer.json", model={}), "not a tokenizer"),
    "tokens without ids": ("ankh", change("tokenizer.json", added_tokens=[{}]), "not a tokenizer"),
    "list as tokenizer": (
        "ankh",
        lambda f: (f / "tokenizer.json").write_text("[]"),
        "not a tokenizer",
    ),
}


@pytest.mark.parametrize("damage", FILES)
def test_a_damaged_file_of_one_kind_is_refused(make: Any, damage: str) -> None:
    kind, spoil, expected = FILES[damage]
    found = make(kind)
    spoil(found.folder)
    with pytest.raises(PluginError, match=expected) as caught:
        found.encoder()
    assert "\n" not in str(caught.value)


def test_the_families_do_not_take_each_other(make: Any) -> None:
    """ProtT5 and Ankh are both T5; read by the other's letters the tokens would be wrong."""
    prott5, ankh = make("prott5"), make("ankh")
    with pytest.raises(PluginError, match="gated, but that of prott5 is not so"):
        resolve(PROTT5, T5Options(checkpoint=str(ankh.folder)))
    with pytest.raises(PluginError, match="not gated, but that of ankh is so"):
        resolve(ANKH, T5Options(checkpoint=str(prott5.folder)))
    with pytest.raises(PluginError, match="model_type 't5'; protbert needs"):
        resolve(PROTBERT, ProtBertOptions(checkpoint=str(prott5.folder)))


@pytest.mark.parametrize("kind", ["prott5", "protbert"])
def test_pickled_weights_are_not_read_and_the_advice_works(
    make: Any, records: Any, kind: str
) -> None:
    """The first ProtT5 and ProtBert on the hub are pytorch_model.bin only."""
    found = make(kind)
    weights = found.folder / "model.safetensors"
    tensors = load_file(weights)
    if kind == "prott5":
        # As in the released file, which holds the embedding under all its names.
        tensors |= {
            f"{part}.embed_tokens.weight": tensors["shared.weight"] for part in ("encoder",)
        }
    expected = found.encoder()
    torch.save(tensors, found.folder / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(PluginError, match="can run code") as caught:
        found.encoder()
    command = str(caught.value).partition("convert them once: ")[2]
    words = shlex.split(command)
    assert words[0] == "python"
    subprocess.run([sys.executable, *words[1:]], check=True, capture_output=True)
    features = expected.featurizer(records("MKTAYIAKQR"), Layout.PADDED)
    with torch.no_grad():
        same = torch.equal(found.encoder()(features).values, expected(features).values)
    assert same


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, "'shape'"),
        ({"shape": {}, "vocabulary": {}, "weights_license": None, "hue": 1}, "'hue'"),
        ({"shape": {"hue": 1}, "vocabulary": {}, "weights_license": None}, "hue is 1"),
        ({"shape": 3, "vocabulary": {}, "weights_license": None}, "valid dictionary"),
        ({"shape": {}, "vocabulary": {"letters": [1]}, "weights_license": None}, "letters"),
    ],
)
def test_a_bad_architecture_is_refused(told: dict[str, object], expected: str) -> None:
    with pytest.raises(PluginError, match=expected):
        resolve(PROTT5, T5Options(architecture=told))
