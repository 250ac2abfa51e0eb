"""Builds transformers' T5 encoder or BERT, freshly initialised or with a checkpoint's weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from torch import nn
from transformers import BertConfig, BertModel, T5Config, T5EncoderModel
from transformers.activations import ACT2FN

from multiprot.encoders.pretrained import load_pretrained
from multiprot.errors import PluginError
from multiprot_prottrans.architecture import Architecture

_WEIGHTS: Final = ("model.safetensors", "model.safetensors.index.json")
_OF_THE_ENCODER: Final = re.compile(r"(^|\.)(encoder|embeddings|shared)\.")
_NO_WEIGHTS: Final = re.compile(r"(^|\.)position_ids$|(^|\.)decoder\.")
"""A table of numbers that older versions saved, and the half of a T5 that is not used here."""


def build_trunk(architecture: Architecture, checkpoint: Path | None) -> Any:
    """A `T5Stack` or a `BertModel` without pooler and heads, in float32.

    Parameters
    ----------
    architecture
        Its shape.
    checkpoint
        Folder with weights, or None for random ones.

    Raises
    ------
    PluginError
        If weights are missing, damaged or of another shape.
    """
    owner, shape = architecture.family.name, architecture.shape.model_dump()
    pad, end = architecture.vocabulary.pad, architecture.vocabulary.end
    t5 = architecture.family.kind == "t5"
    model = T5EncoderModel if t5 else BertModel
    extra = {} if t5 else {"add_pooling_layer": False}
    if t5:
        config = T5Config(**shape, pad_token_id=pad, eos_token_id=end)
    else:
        config = BertConfig(**shape, pad_token_id=pad)
    activation = config.dense_act_fn if t5 else config.hidden_act
    if activation not in ACT2FN:
        raise PluginError(
            f"{owner}: activation {activation!r} in {checkpoint or 'option architecture'} is none "
            "that transformers has; is config.json as it was released?"
        )
    if checkpoint is None:
        trunk = model(config, **extra)
    else:
        trunk = _load(model, config, extra, checkpoint, owner)
    # T5EncoderModel holds its embedding twice, under two names, which no safetensors file may.
    return trunk.encoder if t5 else trunk


def embeddings_of(trunk: Any) -> nn.Module:
    """The part that turns token ids into vectors."""
    part: nn.Module = trunk.embed_tokens if hasattr(trunk, "embed_tokens") else trunk.embeddings
    return part


def layers_of(trunk: Any) -> list[nn.Module]:
    """Its layers, first to last."""
    return list(trunk.block if hasattr(trunk, "block") else trunk.encoder.layer)


def _load(model: Any, config: Any, extra: Mapping[str, Any], folder: Path, owner: str) -> Any:
    """The model with the weights in `folder`, every one of them accounted for."""
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise PluginError(
            f"{owner}: {folder} has no model.safetensors; weights in other formats can run code "
            "when they are read. If you trust them, convert them once: python -c "
            f"\"from transformers import {model.__name__} as M; M.from_pretrained('{folder}')"
            f".save_pretrained('{folder}')\""
        )
    return load_pretrained(model, folder, owner, surplus=_of_the_encoder, config=config, **extra)


def _of_the_encoder(name: str) -> bool:
    """Whether a tensor for which there is no place belongs to the half that is used here."""
    return bool(_OF_THE_ENCODER.search(name)) and not _NO_WEIGHTS.search(name)
