"""What a user may call a model, and what is said where that is none."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from multiprot.embedding import Embedder, EmbeddingStore, EmbedOptions
from multiprot.encoders.registry import Registry
from multiprot.errors import BundleError, ConfigError, MultiprotError
from tests.embedding.ledger.runs import embedded, entries, fasta
from tests.embedding.proteins import long_record

SHAPE = ("layers=1", "width=16", "heads=2")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny ESM-2 as transformers writes it."""
    transformers: Any = pytest.importorskip("transformers")
    vocabulary: Any = pytest.importorskip("multiprot_esm.vocabulary")
    folder = tmp_path_factory.mktemp("esm2") / "weights"
    config = transformers.EsmConfig(
        vocab_size=33,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=1026,
        position_embedding_type="rotary",
        token_dropout=True,
        pad_token_id=1,
        mask_token_id=32,
    )
    torch.manual_seed(0)
    transformers.EsmForMaskedLM(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary.ESM2_TOKENS) + "\n")
    return folder


def content_hash(model: str, *options: str) -> str:
    return Embedder.open(model, encoder_options=options).model.identity.content_hash


def test_a_checkpoint_is_known_by_its_weights_not_by_its_place(
    checkpoint: Path, tmp_path: Path
) -> None:
    first = Embedder.open(f"esm2:{checkpoint}")
    assert first.model.identity.warnings == ()
    copy = shutil.copytree(checkpoint, tmp_path / "elsewhere")
    assert content_hash(f"esm2:{copy}") == first.model.identity.content_hash
    (weights,) = copy.glob("*.safetensors")
    from safetensors.torch import load_file, save_file

    tensors = load_file(weights)
    name = next(key for key in sorted(tensors) if "layer.0" in key and "weight" in key)
    tensors[name].view(-1)[0] += 1e-3
    save_file(tensors, weights, metadata={"format": "pt"})
    changed = Embedder.open(f"esm2:{copy}")
    assert changed.model.identity.content_hash != first.model.identity.content_hash
    record = long_record(30)
    assert not np.array_equal(changed.embed([record]).vectors, first.embed([record]).vectors)


def test_options_that_change_the_vectors_change_the_hash() -> None:
    assert content_hash("esm2", *SHAPE) == content_hash("esm2", *reversed(SHAPE))
    assert content_hash("esm2", *SHAPE) != content_hash("esm2", "layers=2", *SHAPE[1:])


def test_random_weights_are_warned_about(tmp_path: Path) -> None:
    embedder = Embedder.open("esm2", encoder_options=SHAPE)
    path = fasta(tmp_path / "in.fasta", entries(3))
    summary = embedded(path, tmp_path / "out", embedder)
    told = "esm2: its weights are random; give esm2:CHECKPOINT"
    assert told in summary.warnings
    manifest = EmbeddingStore.open(tmp_path / "out").manifest
    assert told in manifest["model"]["warnings"]
    assert (manifest["model"]["kind"], manifest["model"]["name"]) == ("encoder", "esm2")
    assert "mean" in manifest["pooling"]


def test_the_default_says_how_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "discover", lambda: Registry([]))
    with pytest.raises(BundleError, match=r"no encoder 'mini' is installed; `pip install multip"):
        Embedder.open()


@pytest.mark.parametrize(
    ("model", "options", "encoder_options", "error", "told"),
    [
        ("esm3", {}, (), BundleError, "no encoder 'esm3' is installed.*known: .*esm2"),
        ("nowhere/at/all", {}, (), BundleError, "no such folder"),
        ("nowhere/mini", {}, (), BundleError, "no encoder 'nowhere/mini' is installed; name"),
        ("esm3:/weights", {}, (), BundleError, "no encoder 'esm3'"),
        ("esm2:/nowhere", {}, (), MultiprotError, "/nowhere"),
        ("residue-transformer:/w", {}, (), ConfigError, "takes no checkpoint.*plugins show"),
        ("esm2", {"space": "shared"}, SHAPE, ConfigError, "no space shared with GO"),
        ("esm2", {"modalities": "structure"}, SHAPE, ConfigError, "no structure encoder"),
        ("esm2", {"precision": "fp16"}, SHAPE, ConfigError, "precision fp16: .*works in"),
        ("esm2", {}, ("depth=1",), ConfigError, "depth"),
        ("esm2", {}, ("layers=many",), ConfigError, "layers"),
        ("esm2", {}, ("layers",), ConfigError, "layers"),
        ("term-table", {}, (), BundleError, "no encoder 'term-table'"),
    ],
)
def test_what_does_not_fit_is_named(
    model: str,
    options: dict[str, Any],
    encoder_options: tuple[str, ...],
    error: type[MultiprotError],
    told: str,
) -> None:
    with pytest.raises(error, match=told):
        Embedder.open(
            model, encoder_options=encoder_options, options=EmbedOptions.model_validate(options)
        )


def test_a_bundle_has_its_own_options(tiny_bundle: Path) -> None:
    with pytest.raises(ConfigError, match="layers=1 is an option of an encoder alone"):
        Embedder.open(tiny_bundle, encoder_options=("layers=1",))
    assert Embedder.open(str(tiny_bundle)).model.identity.kind == "bundle"


def test_a_folder_is_preferred_to_an_encoder_of_its_name(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "esm2")
    monkeypatch.chdir(tmp_path)
    assert Embedder.open("esm2").model.identity.kind == "bundle"
