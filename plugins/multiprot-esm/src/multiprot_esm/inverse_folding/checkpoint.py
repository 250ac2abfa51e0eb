"""Reads ESM-IF1 as facebookresearch/esm publishes it; the decoder is left aside."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from multiprot.errors import PluginError
from multiprot_esm.inverse_folding.options import Sizes
from multiprot_esm.tensor_file import read_tensor_file

_SETTINGS: Final = {
    "width": "encoder_embed_dim",
    "layers": "encoder_layers",
    "heads": "encoder_attention_heads",
    "feed_forward_width": "encoder_ffn_embed_dim",
    "graph_layers": "gvp_num_encoder_layers",
    "scalars": "gvp_node_hidden_dim_scalar",
    "vectors": "gvp_node_hidden_dim_vector",
    "edge_scalars": "gvp_edge_hidden_dim_scalar",
    "edge_vectors": "gvp_edge_hidden_dim_vector",
    "neighbours": "gvp_top_k_neighbors",
}
"""Our names of sizes and those in the file's `args`."""

_RENAMED: Final = {
    "W_v": "embed_graph.embed_node",
    "W_e": "embed_graph.embed_edge",
    "embed_scores.0": "embed_confidence",
    "embed_score.": "embed_graph.embed_confidence.",
    "embed_ingraham_features": "embed_dihedrals",
    "embed_gvp_in_local_frame.0": "embed_gvp_output",
    "embed_features_in_local_frame.0": "embed_gvp_input_features",
}
"""Parts of names as they were when the file was trained, and as they are now."""

_MASK_FROM_END: Final = 3
"""The vocabulary ends with <mask>, <cath>, <af2>; residues' own tokens are all <mask> here."""


def read_checkpoint(path: Path) -> tuple[Sizes, dict[str, Tensor]]:
    """Sizes and tensors of the encoder, in float32, under the names of `EsmIf1Encoder`.

    Raises
    ------
    PluginError
        If the file cannot be read or holds another model.
    """
    found = read_tensor_file(path, "esm-if1")
    told, tensors = found.get("args"), found.get("model")
    if not isinstance(told, Namespace) or not isinstance(tensors, Mapping):
        raise PluginError(
            f"esm-if1: {path} lacks settings or tensors of a model; take the file "
            "esm_if1_gvp4_t16_142M_UR50.pt"
        )
    kind = str(getattr(told, "arch", None))
    if "invariant_gvp" not in kind:
        raise PluginError(
            f"esm-if1: {path} holds a model of kind {kind!r}, not ESM-IF1; language models go with "
            "the encoder esm2"
        )
    return _sizes(path, vars(told)), _encoder(path, tensors)


def load(encoder: nn.Module, weights: Mapping[str, Tensor], path: str) -> None:
    """Put `weights` into `encoder`, every one of them accounted for.

    Raises
    ------
    PluginError
        If a tensor is missing, too many or of another shape; names it.
    """
    expected = encoder.state_dict()
    missing = [name for name in expected if name not in weights]
    foreign = [name for name in weights if name not in expected]
    if missing or foreign:
        fault, names = ("lacks", missing) if missing else ("has no place for", foreign)
        raise PluginError(
            f"esm-if1: {path} and the encoder differ: it {fault} {len(names)} tensors, first "
            f"{names[0]}; download it again"
        )
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape:
            raise PluginError(
                f"esm-if1: {path}: {name} is {list(tensor.shape)}, but its settings say "
                f"{list(expected[name].shape)}; download it again"
            )
    encoder.load_state_dict(weights)


def _sizes(path: Path, told: Mapping[str, Any]) -> Sizes:
    try:
        return Sizes(**{ours: told.get(theirs) for ours, theirs in _SETTINGS.items()})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "heads"
        raise PluginError(
            f"esm-if1: {path}: its settings give {_SETTINGS[name]} as {told.get(_SETTINGS[name])!r}"
            "; is it the authors' file?"
        ) from None


def _encoder(path: Path, tensors: Mapping[str, Any]) -> dict[str, Tensor]:
    """The encoder's tensors, the table of tokens cut down to <mask>."""
    weights: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        # `version` and the position table's buffer hold nothing that was learned.
        if not name.startswith("encoder.") or "version" in name or name.endswith("_float_tensor"):
            continue
        if not isinstance(tensor, Tensor):
            raise PluginError(f"esm-if1: {path}: {name} is no tensor; download the file again")
        weights[_new_name(name)] = tensor.to(torch.float32, copy=True)
    table = weights.pop("embed_tokens.weight", None)
    if table is None or len(table) <= _MASK_FROM_END:
        raise PluginError(f"esm-if1: {path} lacks encoder.embed_tokens.weight; download it again")
    weights["mask_token"] = table[-_MASK_FROM_END].clone()
    return weights


def _new_name(name: str) -> str:
    name = name.removeprefix("encoder.")
    for old, new in _RENAMED.items():
        name = name.replace(old, new)
    return name
