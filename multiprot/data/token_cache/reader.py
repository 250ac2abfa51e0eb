"""Tokens from disk, in the place of a featurizer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from multiprot.data.token_cache.folder import TokenFolder
from multiprot.data.token_cache.index import Place
from multiprot.data.token_cache.inputs import InputHash
from multiprot.data.token_cache.shards import EncodedProtein, open_shard
from multiprot.encoders.cached_tokens import CachedTokens
from multiprot.errors import DataError
from multiprot.proteins import ProteinRecord

OPEN_SHARDS: Final = 64


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Part of a protein whose tokens are wanted.

    Attributes
    ----------
    record
        The whole protein, as it was encoded.
    start, stop
        Its residues, half-open.
    shown
        False: the modality is missing or withheld; the part has no tokens.
    """

    record: ProteinRecord
    start: int
    stop: int
    shown: bool = True


class TokenReader:
    """Reads one encoder's tokens; picklable, for loader workers.

    Parameters
    ----------
    folder
        Filled for the proteins that will be asked for.
    inputs
        What the encoder saw of a record.
    """

    def __init__(self, folder: TokenFolder, inputs: InputHash) -> None:
        self.folder = folder
        self._inputs = inputs
        self._index = folder.index()
        self._open: OrderedDict[Path, Any] = OrderedDict()
        self._checked = np.zeros(len(self._index), dtype=np.bool_)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_open": OrderedDict()}

    def __len__(self) -> int:
        return len(self._index)

    def tokens(self, record: ProteinRecord) -> tuple[Tensor, Tensor]:
        """Tokens [residue, channel] and mask, bool [residue], of a whole protein.

        Raises
        ------
        DataError
            If the protein is not there as it is now, or its shard is damaged.
        """
        digest = self._inputs.of(record)
        place = self._index.find(digest)
        if place is None:
            raise DataError(
                f"record {record.id}: {self.folder.path} has no tokens of it as it is now; fill "
                "the cache with `multiprot data cache RECIPE`"
            )
        values, mask = self._read(place)
        if not self._checked[place.row]:
            if EncodedProtein(digest, values, mask).checksum() != place.checksum:
                raise DataError(
                    f"{place.path}: the tokens of record {record.id} were altered since they were "
                    "written; remove this file and start again, it is made anew"
                )
            self._checked[place.row] = True
        return values, mask

    def __call__(self, excerpts: Sequence[Excerpt]) -> CachedTokens:
        """Tokens of a batch, padded to its longest excerpt."""
        longest = max(excerpt.stop - excerpt.start for excerpt in excerpts)
        identity = self.folder.identity
        values = torch.zeros(len(excerpts), longest, identity.token_dim, dtype=identity.torch_dtype)
        mask = torch.zeros(len(excerpts), longest, dtype=torch.bool)
        for row, excerpt in enumerate(excerpts):
            if not excerpt.shown:
                continue
            whole, known = self.tokens(excerpt.record)
            residues = excerpt.stop - excerpt.start
            values[row, :residues] = whole[excerpt.start : excerpt.stop]
            mask[row, :residues] = known[excerpt.start : excerpt.stop]
        return CachedTokens(values, mask, identity.frozen_part)

    def _read(self, place: Place) -> tuple[Tensor, Tensor]:
        handle = self._open.pop(place.path, None) or open_shard(place.path)
        self._open[place.path] = handle
        if len(self._open) > OPEN_SHARDS:
            self._open.popitem(last=False)
        rows = slice(place.start, place.stop)
        try:
            return handle.get_slice("tokens")[rows], handle.get_slice("mask")[rows]
        except SafetensorError as error:
            raise DataError(f"{place.path}: damaged ({error}); remove it and start again") from None
