"""A text encoder of two small layers in the real format, and files of vectors."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizer

from multiprot.testing.ontology import toy_ontology

LETTERS = [*string.ascii_lowercase, *string.digits]
VOCABULARY = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *LETTERS,
    *(f"##{letter}" for letter in LETTERS),
    *":-,.()",
]
CheckpointWriter = Callable[..., Path]


def _write_checkpoint(folder: Path, **changes: Any) -> Path:
    torch.manual_seed(1)
    shape = {
        "vocab_size": len(VOCABULARY),
        "hidden_size": 12,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 20,
        "max_position_embeddings": 64,
        "initializer_range": 0.3,
    }
    tokenizer = BertTokenizer(vocab={word: row for row, word in enumerate(VOCABULARY)})
    tokenizer.save_pretrained(folder)
    BertModel(BertConfig(**shape | changes)).save_pretrained(folder)
    return folder


@pytest.fixture
def write_checkpoint() -> CheckpointWriter:
    """Writes a tiny BERT into a folder; keywords change its shape."""
    return _write_checkpoint


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT that reads letters and digits; not to be changed."""
    return _write_checkpoint(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="session")
def toy_vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six random numbers for three quarters of the toy ontology's terms; not to be changed."""
    path = tmp_path_factory.mktemp("vectors") / "toy.npz"
    ids: Sequence[str] = toy_ontology().term_ids
    given = [term_id for row, term_id in enumerate(ids) if row % 4]
    drawn = np.random.default_rng(0).normal(size=(len(given), 6))
    np.savez(path, ids=np.array(given), vectors=drawn.astype(np.float32))
    return path
