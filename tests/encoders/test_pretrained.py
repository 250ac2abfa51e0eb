"""Pretrained models: every tensor accounted for, whichever class reads them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel
from transformers.utils import logging

from multiprot.encoders.pretrained import first_line, load_pretrained, quiet_transformers
from multiprot.errors import PluginError

SHAPE: dict[str, Any] = {
    "vocab_size": 9,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    BertModel(BertConfig(**SHAPE)).save_pretrained(tmp_path)
    return tmp_path


def spoil(folder: Path, change: Any) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def test_weights_are_read_as_they_are(folder: Path) -> None:
    model = load_pretrained(BertModel, folder, "guest")
    saved = load_file(folder / "model.safetensors")
    assert all(torch.equal(saved[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.pop("pooler.dense.bias"), "lacks 1 tensors.*pooler.dense.bias"),
        (lambda t: t.update({"pooler.dense.bias": torch.zeros(3)}), "other shapes.*pooler"),
        (lambda t: t.update({"stranger": torch.zeros(3)}), "holds 1 tensors.*stranger"),
    ],
)
def test_what_does_not_fit_is_named(folder: Path, change: Any, says: str) -> None:
    spoil(folder, change)
    with pytest.raises(PluginError, match=f"guest: .*{says}"):
        load_pretrained(BertModel, folder, "guest", surplus=lambda name: name == "stranger")
    load_pretrained(BertModel, folder, "guest", spared="pooler")


def test_a_damaged_file_is_named(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"no")
    with pytest.raises(PluginError, match=f"guest: weights in {folder} cannot be read"):
        load_pretrained(BertModel, folder, "guest")


def test_the_library_speaks_again_afterwards() -> None:
    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with suppress(KeyError), quiet_transformers():
        assert logging.get_verbosity() == logging.ERROR
        raise KeyError
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (level, bar)


def test_an_error_without_text_is_told_by_its_kind() -> None:
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(KeyError()) == "KeyError"
