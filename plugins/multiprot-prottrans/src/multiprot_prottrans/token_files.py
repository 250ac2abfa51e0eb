"""Reads a checkpoint's vocabulary: spiece.model, vocab.txt or tokenizer.json. No torch.

No tokenizer is run: a protein's letters are single tokens, and a table is all it takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from multiprot.errors import PluginError

_EXTRA_IDS: Final = 100
"""Sentinels that T5's tokenizer appends to spiece.model where its settings do not say how many."""

_MOST_EXTRA_IDS: Final = 10_000

Tokens = dict[str, int]
"""Id of each token."""


def read_tokens(folder: Path, kind: str, owner: str) -> Tokens:
    """The vocabulary of a checkpoint.

    Parameters
    ----------
    folder
        The checkpoint.
    kind
        `Family.kind`, which decides the name of the file that is looked for first.
    owner
        The plugin's name, for errors.

    Raises
    ------
    PluginError
        If there is no such file or it cannot be read.
    """
    first = "spiece.model" if kind == "t5" else "vocab.txt"
    for name in (first, "tokenizer.json"):
        if (folder / name).is_file():
            return _READERS[name](folder / name)
    raise PluginError(
        f"{owner}: {folder} has neither {first} nor tokenizer.json; copy the vocabulary from the "
        "model's own folder"
    )


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises
    ------
    PluginError
        If it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise PluginError(f"{path}: not readable as JSON ({error}); download it again") from None


def _read_sentencepiece(path: Path) -> Tokens:
    """Pieces, then T5's sentinels in falling order, then the tokens added later."""
    from sentencepiece import SentencePieceProcessor

    pieces = SentencePieceProcessor()
    try:
        pieces.LoadFromSerializedProto(path.read_bytes())
        tokens = {pieces.IdToPiece(number): number for number in range(pieces.GetPieceSize())}
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise PluginError(
            f"{path}: not a SentencePiece model ({reason}); download it again"
        ) from None
    return tokens | _added(path.parent, tokens)


def _added(folder: Path, tokens: Tokens) -> Tokens:
    """What T5's tokenizer adds to the pieces of spiece.model, from the two files beside it."""
    settings, later = (
        read_json(folder / name) if (folder / name).is_file() else {}
        for name in ("tokenizer_config.json", "added_tokens.json")
    )
    try:
        extra = 0 if "<extra_id_0>" in tokens else int(settings.get("extra_ids", _EXTRA_IDS))
        if extra > _MOST_EXTRA_IDS:
            raise ValueError(f"extra_ids {extra} is more than {_MOST_EXTRA_IDS}")
        end = len(tokens) + extra - 1
        added = {f"<extra_id_{number}>": end - number for number in range(extra)}
        for number, told in settings.get("added_tokens_decoder", {}).items():
            added[str(told["content"])] = int(number)
        return added | {str(token): int(number) for token, number in later.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PluginError(
            f"{folder}: tokenizer_config.json or added_tokens.json is not what transformers writes "
            f"({type(error).__name__}: {error}); download them again"
        ) from None


def _read_lines(path: Path) -> Tokens:
    """vocab.txt: a token's line is its id."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"{path}: not UTF-8 ({error}); download it again") from None
    tokens = {token: number for number, token in enumerate(lines)}
    if len(tokens) < len(lines):
        twice = next(token for number, token in enumerate(lines) if tokens[token] != number)
        raise PluginError(f"{path}: token {twice!r} stands there twice; use the model's own file")
    return tokens


def _read_tokenizer(path: Path) -> Tokens:
    """tokenizer.json: the model's vocabulary (a list of pairs or an object) and added tokens."""
    found = read_json(path)
    try:
        vocabulary = found["model"]["vocab"]
        if isinstance(vocabulary, list):
            vocabulary = {token: number for number, (token, _) in enumerate(vocabulary)}
        tokens = {str(token): int(number) for token, number in vocabulary.items()}
        for token in found.get("added_tokens") or ():
            tokens[str(token["content"])] = int(token["id"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PluginError(
            f"{path}: not a tokenizer as the library tokenizers writes it "
            f"({type(error).__name__}: {error}); download it again"
        ) from None
    return tokens


_READERS: Final[Mapping[str, Callable[[Path], Tokens]]] = {
    "spiece.model": _read_sentencepiece,
    "vocab.txt": _read_lines,
    "tokenizer.json": _read_tokenizer,
}
