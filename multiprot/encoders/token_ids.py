"""Records as token ids of a language model: the features of sequence plugins that have one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multiprot.encoders.contract import Layout
from multiprot.errors import DataError, PluginError
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord

_BEGIN: Final = "^"
_END: Final = "$"


class ResidueVocabulary(Protocol):
    """Which token stands for which residue letter."""

    @property
    def letters(self) -> Sequence[int]:
        """Id of each letter of `RESIDUE_LETTERS`."""
        ...

    @property
    def begin(self) -> int | None:
        """Id of the token before each protein, or None."""
        ...

    @property
    def end(self) -> int:
        """Id of the token behind each protein."""
        ...

    @property
    def pad(self) -> int:
        """Id of what fills up behind the ends of shorter proteins."""
        ...

    @property
    def mask(self) -> int:
        """Id shown in the place of a hidden residue."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TokenIds:
    """Token ids of a batch.

    Attributes
    ----------
    tokens
        int64 [protein, lead + longest protein + 1]: the token before a protein where there is one,
        residues, the token behind them, then padding.
    mask
        bool [protein, longest protein]: False at padding.
    letters
        int64 [letter of `RESIDUE_LETTERS`]: token of each letter.
    mask_token
        Token of a hidden residue.
    lead
        Tokens before the first residue: 0 or 1.
    padded
        Some protein is shorter than the longest.
    """

    tokens: Tensor
    mask: Tensor
    letters: Tensor
    mask_token: int
    lead: int
    padded: bool

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        """The same features on `device`."""
        return self._map(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """The same features in page-locked memory."""
        return self._map(lambda part: part.pin_memory())

    def _map(self, move: Callable[[Tensor], Tensor]) -> Self:
        return replace(
            self, tokens=move(self.tokens), mask=move(self.mask), letters=move(self.letters)
        )

    @property
    def residues(self) -> slice:
        """Where the residues stand along the second axis of `tokens`."""
        return slice(self.lead, self.lead + self.mask.shape[1])

    @property
    def attended(self) -> Tensor:
        """Bool [protein, token]: residues and special tokens, not padding."""
        # The token behind a protein stands `lead` + 1 places behind where its mask ends.
        return torch.cat([self.mask.new_ones(len(self.mask), self.lead + 1), self.mask], dim=1)

    def mask_residues(self, masked: Tensor, substitutes: Tensor) -> Self:
        """Hide or replace residues, as `MaskableFeatures` says; padding stays padding."""
        shown = self.letters[substitutes.clamp(min=0)]
        shown = torch.where(substitutes >= 0, shown, self.mask_token)
        tokens = self.tokens.clone()
        residues = tokens[:, self.residues]
        residues.copy_(torch.where(masked & self.mask, shown, residues))
        return replace(self, tokens=tokens)


@dataclass(frozen=True, slots=True)
class TokenIdFeaturizer:
    """Makes `TokenIds`, padded; a language model's tokenizer need not run.

    Attributes
    ----------
    vocabulary
        Token ids.
    max_residues
        Longest protein, or None for no limit.
    owner
        The plugin's name, for errors.
    """

    vocabulary: ResidueVocabulary
    max_residues: int | None
    owner: str

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> TokenIds:
        """Token ids of `records`, row by row.

        Raises
        ------
        DataError
            If a protein is longer than `max_residues`; names it.
        PluginError
            If the layout is packed.
        """
        if layout is not Layout.PADDED:
            raise PluginError(
                f"{self.owner} takes padded batches only; its capabilities say packs=False"
            )
        tokens, lengths = self.row(records)
        vocabulary = self.vocabulary
        lead, longest = int(vocabulary.begin is not None), int(lengths.max(initial=0))
        rectangle = np.full((len(records), lead + longest + 1), vocabulary.pad, dtype=np.int64)
        # Rows are filled in order, so that each takes as many of the tokens as belong to it.
        rectangle[np.arange(lead + longest + 1) < lengths[:, None] + lead + 1] = tokens
        return TokenIds(
            tokens=torch.from_numpy(rectangle),
            mask=torch.from_numpy(np.arange(longest) < lengths[:, None]),
            letters=torch.tensor(vocabulary.letters),
            mask_token=vocabulary.mask,
            lead=lead,
            padded=bool((lengths < longest).any()),
        )

    def row(self, records: Sequence[ProteinRecord]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All records as one row of token ids, the tokens before and behind proteins among them.

        Returns
        -------
        tuple of NDArray[np.int64]
            Tokens [token] and residues of each protein [protein].

        Raises
        ------
        DataError
            If a protein is longer than `max_residues`; names it.
        """
        vocabulary = self.vocabulary
        lengths = np.fromiter(map(len, records), dtype=np.int64, count=len(records))
        self._check(records, lengths)
        if not len(records):
            return np.zeros(0, dtype=np.int64), lengths
        before = "" if vocabulary.begin is None else _BEGIN
        # One string, one table: no Python per residue, and next to none per protein.
        joined = (_END + before).join(record.sequence for record in records)
        table = np.zeros(256, dtype=np.int64)
        table[np.frombuffer(RESIDUE_LETTERS.encode(), dtype=np.uint8)] = vocabulary.letters
        table[ord(_BEGIN)], table[ord(_END)] = vocabulary.begin or 0, vocabulary.end
        codes = np.frombuffer((before + joined + _END).encode("ascii"), dtype=np.uint8)
        return table[codes], lengths

    def _check(self, records: Sequence[ProteinRecord], lengths: NDArray[np.int64]) -> None:
        if self.max_residues is None:
            return
        for row in np.flatnonzero(lengths > self.max_residues).tolist():
            raise DataError(
                f"record {records[row].id}: {lengths[row]} residues, but {self.owner} takes at "
                f"most {self.max_residues}; window it, or raise the encoder's option max_residues"
            )
