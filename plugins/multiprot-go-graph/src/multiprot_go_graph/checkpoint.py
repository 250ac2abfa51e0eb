"""What a folder with a text encoder holds: its shape, its limit, how it pools. No weights read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from multiprot.encoders.pretrained import first_line
from multiprot.errors import PluginError
from multiprot_go_graph.options import GoTextOptions

_WEIGHTS: Final = ("model.safetensors", "model.safetensors.index.json")
_TOKENIZERS: Final = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
_POSITIONS_BEHIND_PAD: Final = frozenset(
    {"camembert", "data2vec-text", "ibert", "longformer", "mpnet", "roberta", "xlm-roberta"}
)
"""Model types whose first position is the one behind the pad token's id."""
_KNOWN_MODULES: Final = frozenset({"Transformer", "Pooling", "Normalize"})
"""Modules of sentence-transformers that are understood here."""


@dataclass(frozen=True, slots=True)
class TextCheckpoint:
    """A text encoder on disk.

    Attributes
    ----------
    folder
        With config.json, weights and tokenizer.
    width
        Channels of a token.
    vocabulary
        Tokens that the model knows.
    max_tokens
        Longest text, its special tokens included; None: no limit is known.
    pooling
        "mean" or "first".
    unit_length
        A text's vector is scaled to length one.
    """

    folder: Path
    width: int
    vocabulary: int
    max_tokens: int | None
    pooling: str
    unit_length: bool


def read_checkpoint(options: GoTextOptions) -> TextCheckpoint:
    """What `options.checkpoint` holds.

    Raises
    ------
    PluginError
        If transformers is missing, or the folder, its config.json or its safetensors weights are,
        or the model is no encoder.
    """
    root = Path(str(options.checkpoint))
    if not root.is_dir():
        raise PluginError(
            f"go-text: checkpoint {root} is not a folder; download one with `hf download MODEL "
            "--local-dir FOLDER` (nothing is fetched here)"
        )
    folder, pooling, unit_length = _modules(root)
    config = _config(folder)
    return TextCheckpoint(
        folder=folder,
        width=int(config.hidden_size),
        vocabulary=int(config.vocab_size),
        max_tokens=_limit(root, config),
        pooling=options.pooling or pooling or "mean",
        unit_length=unit_length,
    )


def _config(folder: Path) -> Any:
    try:
        from transformers import AutoConfig
    except ImportError as error:
        raise PluginError(
            f"go-text needs the package transformers ({error}); next: "
            "pip install 'multiprot-go-graph[text]'"
        ) from None
    _json(folder / "config.json")
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        # transformers has no error of its own for settings that it cannot use.
        raise PluginError(
            f"go-text: {folder}: config.json is not usable ({first_line(error)}); download it again"
        ) from None
    if getattr(config, "is_encoder_decoder", False) or not _has_shape(config):
        raise PluginError(
            f"go-text: {folder} holds a model of type {config.model_type!r}; a text encoder is "
            "needed, such as BERT, RoBERTa or MPNet"
        )
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise PluginError(
            f"go-text: {folder} has no model.safetensors; weights in other formats can run code "
            "when they are read: convert them with transformers' save_pretrained"
        )
    # Without these files transformers makes a tokenizer that knows no word, and says nothing.
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise PluginError(
            f"go-text: {folder} has no tokenizer ({', '.join(_TOKENIZERS)}); is it a whole "
            "checkpoint?"
        )
    return config


def _has_shape(config: Any) -> bool:
    return hasattr(config, "hidden_size") and hasattr(config, "vocab_size")


def _modules(root: Path) -> tuple[Path, str | None, bool]:
    """Folder of the transformer, pooling, and whether vectors get length one.

    Only a sentence-transformers folder has modules.json, which says so.
    """
    if not (root / "modules.json").is_file():
        return root, None, False
    modules = _json(root / "modules.json")
    try:
        kinds = {str(m["type"]).rsplit(".", 1)[-1]: root / str(m["path"]) for m in modules}
        folder = kinds["Transformer"]
    except (KeyError, TypeError) as error:
        raise PluginError(f"go-text: {root}/modules.json names no Transformer ({error})") from None
    foreign = sorted(set(kinds) - _KNOWN_MODULES)
    if foreign:
        raise PluginError(
            f"go-text: {root} ends in a module {foreign[0]}, which is not known here; make the "
            "vectors with sentence-transformers and give them to go-vectors"
        )
    pooling = _pooling(kinds["Pooling"]) if "Pooling" in kinds else None
    return folder, pooling, "Normalize" in kinds


def _pooling(folder: Path) -> str:
    told = _json(folder / "config.json")
    modes = [key for key, on in told.items() if key.startswith("pooling_mode_") and on is True]
    if modes == ["pooling_mode_mean_tokens"] or told.get("pooling_mode") == "mean":
        return "mean"
    if modes == ["pooling_mode_cls_token"] or told.get("pooling_mode") == "cls":
        return "first"
    raise PluginError(
        f"go-text: {folder} pools by {', '.join(modes) or told.get('pooling_mode')}; known are the "
        "mean and the first token: make the vectors with sentence-transformers and give them to "
        "go-vectors"
    )


def _limit(root: Path, config: Any) -> int | None:
    """The fewest tokens that any part of the checkpoint allows."""
    found = []
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        behind = config.model_type in _POSITIONS_BEHIND_PAD
        found.append(positions - (config.pad_token_id or 0) - 1 if behind else positions)
    trained = root / "sentence_bert_config.json"
    if trained.is_file() and isinstance(_json(trained).get("max_seq_length"), int):
        found.append(_json(trained)["max_seq_length"])
    return min(found, default=None)


def _json(path: Path) -> Any:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PluginError(f"go-text: {path} is missing; is it a whole checkpoint?") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise PluginError(f"{path}: not readable as JSON ({error}); download it again") from None
    if not isinstance(found, Mapping | list):
        raise PluginError(f"{path}: holds {found!r}, not settings; download it again")
    return found
