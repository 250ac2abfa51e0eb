"""Which ESM token stands for which residue letter. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from multiprot.errors import PluginError
from multiprot.proteins import RESIDUE_LETTERS

ESM2_TOKENS: Final = (
    *("<cls>", "<pad>", "<eos>", "<unk>"),
    *"LAGVSERTIDPKQNFYMHWCXBUZO",
    *(".", "-", "<null_1>", "<mask>"),
)
"""The 33 tokens of ESM-1b and ESM-2; a token's position is its id."""

STAND_INS: Final = {"J": "X"}
"""Letters that ESM has no token for, and the letter it is shown instead: J (Leu or Ile) is read as
any residue. Every other letter of `RESIDUE_LETTERS` has a token of its own."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Token ids.

    Attributes
    ----------
    begin, pad, end, mask
        Ids of <cls>, <pad>, <eos> and <mask>.
    letters
        Id of each letter of `RESIDUE_LETTERS`.
    """

    begin: int
    pad: int
    end: int
    mask: int
    letters: tuple[int, ...]

    @classmethod
    def of(cls, tokens: Sequence[str], source: str) -> Vocabulary:
        """The vocabulary of `tokens`, each at its id; `source` is named in errors.

        Raises
        ------
        PluginError
            If a token is missing or stands there twice.
        """
        ids = {token: position for position, token in enumerate(tokens)}
        if len(ids) < len(tokens):
            twice = next(token for position, token in enumerate(tokens) if ids[token] != position)
            raise PluginError(f"{source}: token {twice!r} stands there twice; use ESM's own file")
        needed = [STAND_INS.get(letter, letter) for letter in RESIDUE_LETTERS]
        special = ["<cls>", "<pad>", "<eos>", "<mask>"]
        missing = [token for token in (*special, *needed) if token not in ids]
        if missing:
            raise PluginError(
                f"{source}: no token {missing[0]!r} among {len(tokens)}; is this ESM's vocabulary? "
                "Copy vocab.txt from the model's own folder"
            )
        begin, pad, end, mask = (ids[token] for token in special)
        return cls(begin, pad, end, mask, tuple(ids[letter] for letter in needed))
