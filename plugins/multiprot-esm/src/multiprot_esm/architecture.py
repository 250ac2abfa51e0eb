"""The shape of an ESM model: from a checkpoint, from options, or as a saved model tells it.

No torch, so that `multiprot plugins` can tell a folder's capabilities quickly; a `.pt` file can be
read with torch only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from multiprot.errors import PluginError
from multiprot_esm.options import HEADS, LAYERS, WIDTH, Esm2Options
from multiprot_esm.vocabulary import ESM2_TOKENS, Vocabulary

SHAPE_KEYS: Final = (
    "attention_probs_dropout_prob",
    "emb_layer_norm_before",
    "hidden_dropout_prob",
    "hidden_size",
    "initializer_range",
    "intermediate_size",
    "layer_norm_eps",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "position_embedding_type",
    "rope_theta",
    "token_dropout",
)
"""Fields of `transformers.EsmConfig` that shape the model; what a file leaves out is left to it."""

UNUSED_POSITIONS: Final = 4
"""Positions that hold no residue: <cls>, <eos>, and the two that ESM-1b counts from."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What is needed to build the model without its weights.

    Attributes
    ----------
    shape
        Values of `SHAPE_KEYS`.
    tokens
        The vocabulary, each token at its id.
    max_residues
        Longest protein.
    source
        Where this comes from, for errors.
    """

    shape: Mapping[str, Any]
    tokens: tuple[str, ...]
    max_residues: int
    source: str

    @property
    def vocabulary(self) -> Vocabulary:
        """Token ids."""
        return Vocabulary.of(self.tokens, self.source)

    def to_json(self) -> dict[str, Any]:
        """Plain values from which `resolve` makes the same architecture."""
        return {"shape": dict(self.shape), "tokens": list(self.tokens)}


def resolve(options: Esm2Options) -> Architecture:
    """The architecture that `options` ask for.

    Raises
    ------
    PluginError
        If the checkpoint's file or folder, its config.json or its vocab.txt is missing or is no
        ESM model's, or `max_residues` is more than the model has positions for.
    """
    if options.checkpoint is not None:
        path = Path(options.checkpoint)
        source, (shape, tokens) = str(path), _read(path)
    elif options.architecture is not None:
        source = "option architecture"
        shape, tokens = _from_json(options.architecture)
    else:
        source, shape, tokens = "standard ESM-2 vocabulary", _from_scratch(options), ESM2_TOKENS
    if options.dropout is not None:
        shape |= {"hidden_dropout_prob": options.dropout}
        shape |= {"attention_probs_dropout_prob": options.dropout}
    if options.token_dropout is not None:
        shape |= {"token_dropout": options.token_dropout}
    return Architecture(shape, tokens, _max_residues(options, shape, source), source)


def is_fair_esm(checkpoint: Path) -> bool:
    """Whether a checkpoint is one file of facebookresearch/esm, not a folder of transformers."""
    return checkpoint.suffix == ".pt" and not checkpoint.is_dir()


def _read(checkpoint: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    if not is_fair_esm(checkpoint):
        return _read_shape(checkpoint), _read_tokens(checkpoint)
    from multiprot_esm.fair_esm import read_shape  # imports torch

    return read_shape(checkpoint), ESM2_TOKENS


def _from_scratch(options: Esm2Options) -> dict[str, Any]:
    width = options.width or WIDTH
    return {
        "attention_probs_dropout_prob": 0.0,
        "emb_layer_norm_before": False,
        "hidden_dropout_prob": 0.0,
        "hidden_size": width,
        # Xavier's rule for a square matrix, as the original ESM-2; 0.02 is meant for wide models.
        "initializer_range": width**-0.5,
        "intermediate_size": options.feed_forward_width or 4 * width,
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": 1026,
        "num_attention_heads": options.heads or HEADS,
        "num_hidden_layers": options.layers or LAYERS,
        "position_embedding_type": "rotary",
        "rope_theta": 10_000.0,
        "token_dropout": False,
    }


def _read_shape(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise PluginError(
            f"esm2: checkpoint {folder} is not a folder nor a .pt file; download one with `hf "
            "download facebook/esm2_t6_8M_UR50D --local-dir FOLDER` (nothing is fetched here)"
        )
    path = folder / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PluginError(f"esm2: {folder} has no config.json; is it a whole checkpoint?") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise PluginError(f"{path}: not readable as JSON ({error}); download it again") from None
    kind = found.get("model_type") if isinstance(found, dict) else None
    if kind != "esm" or found.get("is_folding_model"):
        kind = "esmfold" if kind == "esm" else kind
        raise PluginError(f"{path}: model_type {kind!r}; a language model of type 'esm' is needed")
    return {key: found[key] for key in SHAPE_KEYS if key in found}


def _read_tokens(folder: Path) -> tuple[str, ...]:
    path = folder / "vocab.txt"
    if not path.is_file():
        return ESM2_TOKENS
    try:
        return tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    except UnicodeDecodeError as error:
        raise PluginError(f"{path}: not UTF-8 ({error}); download it again") from None


def _from_json(told: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    try:
        shape, tokens = dict(told["shape"]), tuple(told["tokens"])
    except (KeyError, TypeError, ValueError) as error:
        raise PluginError(
            f"esm2: option architecture lacks {error}; it is written by a saved model, leave it out"
        ) from None
    foreign = sorted(set(shape) - set(SHAPE_KEYS))
    if foreign:
        raise PluginError(
            f"esm2: option architecture has unknown field {foreign[0]!r}; it is written by a saved "
            "model, perhaps of a later version of multiprot-esm"
        )
    return shape, tokens


def _max_residues(options: Esm2Options, shape: Mapping[str, Any], source: str) -> int:
    room = int(shape.get("max_position_embeddings", 1026)) - UNUSED_POSITIONS
    if options.max_residues is None:
        return room
    rotary = shape.get("position_embedding_type") == "rotary"
    if options.max_residues > room and not rotary:
        raise PluginError(
            f"esm2: max_residues {options.max_residues} is more than the {room} that {source} has "
            "learned positions for"
        )
    return options.max_residues
