"""ESM-1b, ESM-1v and ESM-2 as facebookresearch/esm publishes them: one `.pt` file a model.

Such a file holds the training's settings (`args`; ESM-2: `cfg`) and the tensors (`model`). Here the
settings become a shape and the tensors take the names that `transformers.EsmModel` has for them.
The contact regression, which the authors publish in a second file, is not needed.
"""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from multiprot.errors import PluginError
from multiprot_esm.tensor_file import read_tensor_file
from multiprot_esm.vocabulary import ESM2_TOKENS

_LAYER: Final = {
    "self_attn.q_proj": "attention.self.query",
    "self_attn.k_proj": "attention.self.key",
    "self_attn.v_proj": "attention.self.value",
    "self_attn.out_proj": "attention.output.dense",
    "self_attn_layer_norm": "attention.LayerNorm",
    "fc1": "intermediate.dense",
    "fc2": "output.dense",
    "final_layer_norm": "LayerNorm",
}
"""Parts of a layer, each with weight and bias: the file's name and transformers'."""

_PREFIX: Final = re.compile(r"^(encoder\.sentence_encoder\.|encoder\.)")
"""What the training put before the tensors' names."""

_HEADS: Final = ("lm_head.", "contact_head.")
"""What stands on top of residue tokens, to tell letters and contacts."""

_OTHERS: Final = {
    "msa_transformer": "the MSA Transformer, which reads alignments",
    "protein_bert_base": "ESM-1, which ESM-1b replaced",
    "gvp": "ESM-IF1, which reads structures (encoder esm-if1)",
}
"""Models of the same authors that are none of these, by a part of `args.arch`."""


def read_shape(path: Path) -> dict[str, Any]:
    """The shape of the model in a `.pt` file, in the words of `transformers.EsmConfig`.

    Raises
    ------
    PluginError
        If the file cannot be read, or holds no ESM-1b, ESM-1v or ESM-2.
    """
    found = read_tensor_file(path, "esm2")
    return _shape(path, found, _tensors(path, found))


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a `.pt` file in float32, named as `transformers.EsmModel` names them.

    Raises
    ------
    PluginError
        If the file cannot be read, holds another model, lacks a tensor or has one too many.
    """
    found = read_tensor_file(path, "esm2")
    tensors = _tensors(path, found)
    shape = _shape(path, found, tensors)
    names = dict(_names(shape))
    missing = [name for name in names if name not in tensors]
    if missing:
        raise PluginError(
            f"esm2: {path} lacks {len(missing)} tensors of the model, first {missing[0]}; it is "
            "incomplete, or its settings belong to another model"
        )
    foreign = [name for name in tensors if name not in names and not name.startswith(_HEADS)]
    if foreign:
        raise PluginError(
            f"esm2: {path} holds {len(foreign)} tensors that the model has no place for, first "
            f"{foreign[0]}; it is another kind of model"
        )
    weights: dict[str, Tensor] = {}
    for old, new in names.items():
        # A copy: a tensor that is still on disk would change with the file.
        tensor = tensors[old].to(torch.float32, copy=True)
        if new in weights and not torch.equal(tensor, weights[new]):
            raise PluginError(f"esm2: {path}: {old} differs between layers, which no ESM-2 does")
        weights[new] = tensor
    if shape["position_embedding_type"] == "absolute":
        # ESM-1b and ESM-1v learned with hidden residues at zero, whatever the file has there.
        weights["embeddings.word_embeddings.weight"][ESM2_TOKENS.index("<mask>")] = 0.0
    return weights


def _tensors(path: Path, found: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors under their names without prefix."""
    named = found.get("model")
    if not isinstance(named, Mapping) or not {"args", "cfg"} & set(found):
        raise PluginError(
            f"esm2: {path} lacks settings or tensors of a model (it holds "
            f"{', '.join(sorted(map(str, found))[:3]) or 'nothing'}); take the model's own file, "
            "not its contact regression or a bare state_dict"
        )
    tensors = {_PREFIX.sub("", str(name)): tensor for name, tensor in named.items()}
    wrong = [name for name, tensor in tensors.items() if not isinstance(tensor, Tensor)]
    if wrong:
        raise PluginError(f"esm2: {path}: {wrong[0]} is no tensor; download the file again")
    return tensors


def _shape(path: Path, found: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The shape that the settings tell, for ESM-2 in `cfg` and for the others in `args`."""
    rotary = "cfg" in found
    told = _plain(_plain(found["cfg"]).get("model") if rotary else found["args"])
    settings = {str(name).removeprefix("encoder_"): value for name, value in told.items()}
    if not rotary:
        _refuse_others(path, str(settings.get("arch")))
    count = _Counts(path, settings)
    width, layers = count("embed_dim"), count("layers")
    held = len({name.split(".")[1] for name in tensors if name.startswith("layers.")})
    if layers != held:
        raise PluginError(f"esm2: {path} tells of {layers} layers but holds {held}; download again")
    return {
        # fair-esm drops nothing out, and neither do the folders that were made of these files.
        "attention_probs_dropout_prob": 0.0,
        "emb_layer_norm_before": any(n.startswith("emb_layer_norm_before.") for n in tensors),
        "hidden_dropout_prob": 0.0,
        "hidden_size": width,
        "intermediate_size": 4 * width if rotary else count("ffn_embed_dim"),
        "layer_norm_eps": 1e-5,
        # Learned positions are counted from behind the id of <pad>.
        "max_position_embeddings": 1026 if rotary else count("max_positions") + 2,
        "num_attention_heads": count("attention_heads"),
        "num_hidden_layers": layers,
        "position_embedding_type": "rotary" if rotary else "absolute",
        "token_dropout": bool(settings.get("token_dropout", False)),
    }


def _plain(settings: object) -> Mapping[str, Any]:
    if isinstance(settings, Namespace):
        return vars(settings)
    return settings if isinstance(settings, Mapping) else {}


def _refuse_others(path: Path, kind: str) -> None:
    if kind == "roberta_large":
        return
    known = next((text for part, text in _OTHERS.items() if part in kind), None)
    told = known or f"a model of unknown kind {kind!r}"
    raise PluginError(f"esm2: {path} holds {told}; use a file of ESM-2, ESM-1b or ESM-1v")


class _Counts:
    """Numbers in a file's settings."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self._path, self._settings = path, settings

    def __call__(self, name: str) -> int:
        value = self._settings.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise PluginError(
                f"esm2: {self._path}: its settings give {name} as {value!r}, not a number from 1; "
                "is it one of facebookresearch/esm's files?"
            )
        return value


def _names(shape: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every tensor of the model: the file's name and transformers'."""
    yield "embed_tokens.weight", "embeddings.word_embeddings.weight"
    rotary = shape["position_embedding_type"] == "rotary"
    if not rotary:
        yield "embed_positions.weight", "embeddings.position_embeddings.weight"
    parts = {"emb_layer_norm_after": "encoder.emb_layer_norm_after"}
    if shape["emb_layer_norm_before"]:
        parts["emb_layer_norm_before"] = "embeddings.layer_norm"
    for layer in range(shape["num_hidden_layers"]):
        for old, new in _LAYER.items():
            parts[f"layers.{layer}.{old}"] = f"encoder.layer.{layer}.{new}"
        if rotary:
            # Not computed anew: half-precision files hold the rounded ones that were learned with.
            yield f"layers.{layer}.self_attn.rot_emb.inv_freq", "rotary_embeddings.inv_freq"
    for old, new in parts.items():
        for kind in ("weight", "bias"):
            yield f"{old}.{kind}", f"{new}.{kind}"
