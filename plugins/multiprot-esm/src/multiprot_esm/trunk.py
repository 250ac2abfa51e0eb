"""Builds `transformers.EsmModel`, freshly initialised or with a checkpoint's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import EsmConfig, EsmModel

from multiprot.encoders.pretrained import load_pretrained
from multiprot.errors import PluginError
from multiprot_esm.architecture import Architecture, is_fair_esm
from multiprot_esm.fair_esm import read_weights

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


def build_trunk(architecture: Architecture, checkpoint: Path | None) -> Any:
    """An `EsmModel` without pooler and contact head, in float32, attention by torch's SDPA.

    Parameters
    ----------
    architecture
        Its shape.
    checkpoint
        Folder of transformers or `.pt` file of fair-esm with weights, or None for random ones.

    Raises
    ------
    PluginError
        If weights are missing, damaged or of another shape.
    """
    vocabulary = architecture.vocabulary
    config = EsmConfig(
        **architecture.shape,
        vocab_size=len(architecture.tokens),
        mask_token_id=vocabulary.mask,
        pad_token_id=vocabulary.pad,
        attn_implementation="sdpa",
    )
    if checkpoint is None:
        trunk = EsmModel(config, add_pooling_layer=False)
        _widen_embeddings(trunk.embeddings.word_embeddings)
    else:
        trunk = _load(checkpoint, config)
    # Predicts contacts from attention maps; here it would be parameters that never learn.
    del trunk.contact_head
    return trunk


def _widen_embeddings(embeddings: torch.nn.Embedding) -> None:
    """Draw letters from N(0, 1), as the original ESM-2 does (facebookresearch/esm).

    transformers draws them like its matrices, from a narrow normal distribution. Then the first
    layer's output is many times as large as what it is added to, so that a residue's identity is
    all but lost in the layers above, and comes back only after hundreds of steps.
    """
    torch.nn.init.normal_(embeddings.weight)
    with torch.no_grad():
        embeddings.weight[embeddings.padding_idx].zero_()


def _load(checkpoint: Path, config: Any) -> Any:
    """The model with the weights of `checkpoint`, every one of them accounted for."""
    settings = {"config": config, "add_pooling_layer": False, **_weights(checkpoint)}
    return load_pretrained(EsmModel, checkpoint, "esm2", spared="contact_head", **settings)


def _weights(checkpoint: Path) -> dict[str, Any]:
    """The tensors of a `.pt` file; nothing of a folder, which transformers reads."""
    if is_fair_esm(checkpoint):
        return {"state_dict": read_weights(checkpoint)}
    if not any((checkpoint / name).is_file() for name in _WEIGHTS):
        raise PluginError(
            f"esm2: {checkpoint} has no model.safetensors; pickled weights of transformers can run "
            "code when they are read: convert them with its save_pretrained, or give fair-esm's "
            ".pt file, which is read with care"
        )
    return {}
