"""Which token stands for which residue letter. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Self

from pydantic import Field, NonNegativeInt

from multiprot.config import Section
from multiprot.errors import PluginError
from multiprot.proteins import AMINO_ACIDS, RESIDUE_LETTERS
from multiprot_prottrans.family import Family

_WORD: Final = "▁"
"""SentencePiece's mark of a word's beginning: every residue is a word to ProtT5."""


class Vocabulary(Section):
    """Token ids."""

    letters: tuple[NonNegativeInt, ...] = Field(
        min_length=len(RESIDUE_LETTERS), max_length=len(RESIDUE_LETTERS)
    )
    """Of each letter of `RESIDUE_LETTERS`."""
    begin: NonNegativeInt | None
    """Before each protein, or null."""
    end: NonNegativeInt
    """Behind each protein."""
    pad: NonNegativeInt
    """Behind the ends of shorter proteins."""
    mask: NonNegativeInt
    """In the place of a hidden residue."""

    @classmethod
    def of(cls, tokens: Mapping[str, int], family: Family, prefix: str | None, source: str) -> Self:
        """The vocabulary of a family's model.

        Parameters
        ----------
        tokens
            Id of each token.
        family
            Decides the special tokens and what is shown for rare letters.
        prefix
            The user's token before each protein; None: what the vocabulary asks for; empty: none.
        source
            Where `tokens` come from, for errors.

        Raises
        ------
        PluginError
            If a token is missing.
        """

        def find(token: str) -> int:
            if tokens.get(token, -1) < 0:
                raise PluginError(
                    f"{family.name}: {source} has no token {token!r} among its {len(tokens)}; is "
                    f"this the vocabulary of a model like {family.example}?"
                )
            return tokens[token]

        def residue(letter: str) -> int:
            shown = family.shown_as.get(letter, letter)
            if letter not in AMINO_ACIDS and not {shown, _WORD + shown} & set(tokens):
                shown = "X"
            return find(_WORD + shown if _WORD + shown in tokens else shown)

        if prefix is None and family.prefix in tokens:
            prefix = family.prefix
        begin = prefix or family.begin
        found = cls(
            letters=tuple(residue(letter) for letter in RESIDUE_LETTERS),
            begin=None if begin is None else find(begin),
            end=find(family.end),
            pad=find(family.pad),
            mask=find(family.mask),
        )
        apart = [*found.letters[: len(AMINO_ACIDS)], *found.special]
        if len(set(apart)) < len(apart):
            raise PluginError(
                f"{family.name}: {source} gives one id to several of the twenty amino acids and "
                f"special tokens: {apart}; copy the vocabulary from the model's own folder"
            )
        return found

    @property
    def special(self) -> list[int]:
        """Ids of all that is no residue."""
        return [self.end, self.pad, self.mask, *([] if self.begin is None else [self.begin])]

    @property
    def highest(self) -> int:
        """The largest id."""
        return max(*self.letters, *self.special)
