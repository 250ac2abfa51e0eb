"""Builds `transformers.EsmModel`, freshly initialised or with a checkpoint's weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import EsmConfig, EsmModel
from transformers.utils import logging as transformers_logging

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
    folder, weights = _weights(checkpoint)
    try:
        with _quiet():
            trunk, account = EsmModel.from_pretrained(
                folder,
                state_dict=weights,
                config=config,
                add_pooling_layer=False,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                # Not to ignore them: they are named below, which the library's own error does not.
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise PluginError(f"esm2: weights in {checkpoint} cannot be read: {reason}") from error
    _refuse_gaps(checkpoint, account)
    return trunk


def _weights(checkpoint: Path) -> tuple[Path | None, dict[str, torch.Tensor] | None]:
    """Either the folder that transformers shall read, or the tensors of a `.pt` file."""
    if is_fair_esm(checkpoint):
        return None, read_weights(checkpoint)
    if not any((checkpoint / name).is_file() for name in _WEIGHTS):
        raise PluginError(
            f"esm2: {checkpoint} has no model.safetensors; pickled weights of transformers can run "
            "code when they are read: convert them with its save_pretrained, or give fair-esm's "
            ".pt file, which is read with care"
        )
    return checkpoint, None


def _refuse_gaps(checkpoint: Path, account: Mapping[str, Any]) -> None:
    """Raise if a tensor of the model was not in the checkpoint, or in another shape."""
    mismatched = sorted(str(m) for m in account["mismatched_keys"] if "contact_head" not in str(m))
    if mismatched:
        raise PluginError(
            f"esm2: {checkpoint} holds tensors of other shapes than its settings say, first (name, "
            f"found, expected) {mismatched[0]}; they belong to different models"
        )
    missing = sorted(key for key in account["missing_keys"] if "contact_head" not in key)
    if missing:
        raise PluginError(
            f"esm2: {checkpoint} lacks {len(missing)} tensors of the model, first {missing[0]}; "
            "the checkpoint is incomplete or config.json belongs to another one"
        )


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
