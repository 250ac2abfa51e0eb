"""Tiny models written in the two real formats: fair-esm's `.pt` file and transformers' folder."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import EsmConfig, EsmForMaskedLM

KINDS = ("esm2", "esm1b", "esm1v")

LAYERS, WIDTH, HEADS, POSITIONS = 3, 24, 2, 64


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of model in turn."""
    return str(request.param)


@pytest.fixture
def file(kind: str, tmp_path: Path) -> Path:
    """A tiny model as facebookresearch/esm publishes it."""
    path = tmp_path / f"{kind}_tiny.pt"
    _write_file(_fair_model(kind), kind, path)
    return path


@pytest.fixture
def half_file(tmp_path: Path) -> Path:
    """A tiny ESM-2 in float16, as the largest is published."""
    path = tmp_path / "esm2_half.pt"
    _write_file(_fair_model("esm2").half(), "esm2", path)
    return path


@pytest.fixture
def their_tokens() -> Callable[[Path, torch.Tensor], torch.Tensor]:
    """Tokens that fair-esm's own loader, class and forward give for token ids."""

    def tokens(path: Path, ids: torch.Tensor, *, token_dropout: bool = True) -> torch.Tensor:
        model: Any = _read_with_fair_esm(path)
        (model if hasattr(model, "token_dropout") else model.args).token_dropout = token_dropout
        with torch.no_grad():
            return model(ids, repr_layers=[LAYERS])["representations"][LAYERS][:, 1:-1]

    return tokens


@pytest.fixture
def their_folder(file: Path, kind: str) -> Path:
    """The weights of `file` as a folder of transformers."""
    folder = file.with_suffix("")
    _write_folder(_read_with_fair_esm(file), kind, folder)
    return folder


def _fair_esm() -> Any:
    # EvolutionaryScale's package has the same name and none of this in it.
    pytest.importorskip("esm.model.esm2", reason="the package fair-esm is not installed")
    import esm

    return esm


def _fair_model(kind: str) -> torch.nn.Module:
    """A model of fair-esm's own class with every parameter drawn anew, so that none is at rest."""
    torch.manual_seed(KINDS.index(kind))
    esm = _fair_esm()
    alphabet = esm.data.Alphabet.from_architecture("ESM-1b")
    if kind == "esm2":
        model: torch.nn.Module = esm.model.esm2.ESM2(
            LAYERS, WIDTH, HEADS, alphabet, token_dropout=True
        )
    else:
        settings = {name.removeprefix("encoder_"): v for name, v in vars(_args()).items()}
        settings["emb_layer_norm_before"] = kind == "esm1b"
        model = esm.ProteinBertModel(argparse.Namespace(**settings), alphabet)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter + 0.2 * torch.randn_like(parameter))
    return model.eval()


def _write_file(model: torch.nn.Module, kind: str, path: Path) -> None:
    """The file as it is published: prefixed names, and no contact regression."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        if not name.startswith("contact_head."):
            inner = "" if name.startswith("lm_head.") else "sentence_encoder."
            tensors[f"encoder.{inner}{name}"] = tensor
    told: dict[str, Any] = {"args": _args()}
    if kind == "esm2":
        told = {"cfg": {"model": _cfg()}}
    torch.save({**told, "model": tensors}, path)


def _read_with_fair_esm(path: Path) -> Any:
    """The file as fair-esm's own loader reads it; the file's name decides the kind."""
    data = torch.load(path, weights_only=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Regression weights not found")
        model, _ = _fair_esm().pretrained.load_model_and_alphabet_core(path.stem, data, None)
    return model.eval()


def _write_folder(fair: Any, kind: str, folder: Path) -> None:
    """The same weights as a folder of transformers, copied module by module."""
    rotary = kind == "esm2"
    config = EsmConfig(
        vocab_size=33,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        max_position_embeddings=1026 if rotary else POSITIONS + 2,
        position_embedding_type="rotary" if rotary else "absolute",
        token_dropout=True,
        emb_layer_norm_before=kind == "esm1b",
        layer_norm_eps=1e-5,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=1,
        mask_token_id=32,
    )
    model = EsmForMaskedLM(config)
    trunk = model.esm
    pairs = [
        (trunk.embeddings.word_embeddings, fair.embed_tokens),
        (trunk.encoder.emb_layer_norm_after, fair.emb_layer_norm_after),
    ]
    if not rotary:
        pairs.append((trunk.embeddings.position_embeddings, fair.embed_positions))
    if kind == "esm1b":
        pairs.append((trunk.embeddings.layer_norm, fair.emb_layer_norm_before))
    for mine, theirs in zip(trunk.encoder.layer, fair.layers, strict=True):
        attention = theirs.self_attn
        pairs += [
            (mine.attention.self.query, attention.q_proj),
            (mine.attention.self.key, attention.k_proj),
            (mine.attention.self.value, attention.v_proj),
            (mine.attention.output.dense, attention.out_proj),
            (mine.attention.LayerNorm, theirs.self_attn_layer_norm),
            (mine.intermediate.dense, theirs.fc1),
            (mine.output.dense, theirs.fc2),
            (mine.LayerNorm, theirs.final_layer_norm),
        ]
    for mine, theirs in pairs:
        mine.load_state_dict(theirs.state_dict())
    model.save_pretrained(folder)


def _cfg() -> argparse.Namespace:
    return argparse.Namespace(
        arch="roberta_large",
        encoder_layers=LAYERS,
        encoder_embed_dim=WIDTH,
        encoder_ffn_embed_dim=4 * WIDTH,
        encoder_attention_heads=HEADS,
        dropout=0.1,
        max_positions=1024,
        token_dropout=True,
    )


def _args() -> argparse.Namespace:
    return argparse.Namespace(**(vars(_cfg()) | {"max_positions": POSITIONS}))
