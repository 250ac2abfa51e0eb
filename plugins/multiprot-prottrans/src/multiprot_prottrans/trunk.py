"""Builds transformers' T5 encoder or BERT, freshly initialised or with a checkpoint's weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import BertConfig, BertModel, T5Config, T5EncoderModel
from transformers.activations import ACT2FN
from transformers.utils import logging as transformers_logging

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
    try:
        with _quiet():
            trunk, account = model.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                # Not to ignore them: they are named below, which the library's own error does not.
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **extra,
            )
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise PluginError(f"{owner}: weights in {folder} cannot be read: {_line(error)}") from error
    _refuse_gaps(folder, account, owner)
    return trunk


def _refuse_gaps(folder: Path, account: Mapping[str, Any], owner: str) -> None:
    """Raise if a tensor of the encoder is missing, of another shape, or left over."""
    mismatched = sorted(str(entry) for entry in account["mismatched_keys"])
    if mismatched:
        raise PluginError(
            f"{owner}: {folder} holds tensors of other shapes than its config.json says, first "
            f"(name, found, expected) {mismatched[0]}; the two files belong to different models"
        )
    missing = sorted(account["missing_keys"])
    if missing:
        raise PluginError(
            f"{owner}: {folder} lacks {len(missing)} tensors of the model, first {missing[0]}; the "
            "checkpoint is incomplete or config.json belongs to another one"
        )
    unused = sorted(
        key
        for key in account["unexpected_keys"]
        if _OF_THE_ENCODER.search(key) and not _NO_WEIGHTS.search(key)
    )
    if unused:
        raise PluginError(
            f"{owner}: {folder} holds {len(unused)} tensors of an encoder that config.json does "
            f"not describe, first {unused[0]}; the two files belong to different models"
        )


def _line(error: BaseException) -> str:
    """The first line of an error's text, or its type where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """Mute the library's loading report: what matters in it is raised as an error here."""
    level = transformers_logging.get_verbosity()
    bar = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bar:
            transformers_logging.enable_progress_bar()
