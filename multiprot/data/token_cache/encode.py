"""Records through a frozen encoder, as they go to disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multiprot.data.sampler import cut_by_budget
from multiprot.data.token_cache.identity import TokenIdentity
from multiprot.data.token_cache.inputs import InputHash
from multiprot.data.token_cache.shards import EncodedProtein
from multiprot.data.windows import Window, merge_residues, plan_windows
from multiprot.encoders.contract import Layout, PackedTokens, ResidueEncoder
from multiprot.errors import DataError, PluginError
from multiprot.proteins import ProteinRecord

WINDOW_OVERLAP: Final = 64
"""Fewest residues that windows share; less where an encoder takes fewer than twice as many."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenSource:
    """A frozen encoder and how its tokens are made.

    Attributes
    ----------
    encoder
        Its weights never change.
    identity
        What the tokens are filed under.
    inputs
        What the encoder sees of a record.
    max_residues
        Longest protein it takes, or None for no limit.
    device
        Where it computes.
    windows
        A longer protein is encoded in windows; else it is refused.
    tokens_per_batch
        Residues it is given at once, padding included; a longer protein is alone.
    """

    encoder: ResidueEncoder[Any]
    identity: TokenIdentity
    inputs: InputHash
    max_residues: int | None
    device: torch.device
    windows: bool = False
    tokens_per_batch: int = 4096

    @property
    def name(self) -> str:
        """The plugin's."""
        return self.identity.plugin.name


@contextmanager
def in_use(source: TokenSource) -> Iterator[None]:
    """The encoder on its device, without dropout; on leaving it is as it was, on the CPU."""
    training = source.encoder.training
    source.encoder.eval().to(source.device)
    try:
        with torch.no_grad():
            yield
    finally:
        source.encoder.train(training).cpu()


def encode(
    source: TokenSource, records: Sequence[ProteinRecord], advance: Callable[[int], None]
) -> list[EncodedProtein]:
    """Tokens of each record, in order; call within `in_use`.

    Parameters
    ----------
    source
        Who makes them.
    records
        Kept in memory, with their tokens.
    advance
        Told, after each batch, how many residues it had.

    Raises
    ------
    DataError
        If a token is not finite, in float32 or in the format of the cache; names the record.
    PluginError
        If the encoder breaks the shape law.
    """
    windows = [_windows(source, record) for record in records]
    pieces = [
        record.crop(*window) if len(plan) > 1 else record
        for record, plan in zip(records, windows, strict=True)
        for window in plan
    ]
    lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
    found: dict[int, NDArray[np.float32]] = {}
    for batch in cut_by_budget(np.arange(len(pieces)), lengths, source.tokens_per_batch, None):
        tokens = _forward(source, [pieces[number] for number in batch])
        found |= dict(zip(batch.tolist(), tokens, strict=True))
        advance(int(lengths[batch].sum()))
    encoded, first = [], 0
    for record, plan in zip(records, windows, strict=True):
        parts = [found[number] for number in range(first, first + len(plan))]
        encoded.append(_stored(source, record, merge_residues(parts, plan)))
        first += len(plan)
    return encoded


def _windows(source: TokenSource, record: ProteinRecord) -> tuple[Window, ...]:
    limit = source.max_residues
    if limit is None or not source.windows:
        return ((0, len(record)),)
    return plan_windows(len(record), limit, min(WINDOW_OVERLAP, limit // 2))


def _forward(source: TokenSource, records: Sequence[ProteinRecord]) -> list[NDArray[np.float32]]:
    """Float32 [residue, channel] of each record; NaN where a residue has no token."""
    features = source.encoder.featurizer(records, Layout.PADDED)
    tokens = source.encoder(features.to(source.device))
    longest = max(len(record) for record in records)
    if isinstance(tokens, PackedTokens) or tokens.values.shape != (
        len(records),
        longest,
        source.identity.token_dim,
    ):
        raise PluginError(
            f"{source.name}: tokens {tuple(tokens.values.shape)} for padded features of "
            f"{len(records)} proteins, the longest of {longest} residues, with "
            f"{source.identity.token_dim} channels; row r must be residue r"
        )
    values, masks = tokens.values.float().cpu(), tokens.mask.cpu()
    return [
        _matrix(source, record, values[row, : len(record)], masks[row, : len(record)])
        for row, record in enumerate(records)
    ]


def _matrix(
    source: TokenSource, record: ProteinRecord, values: Tensor, mask: Tensor
) -> NDArray[np.float32]:
    if not bool(values[mask].isfinite().all()):
        raise DataError(
            f"record {record.id}: {source.name} gives NaN or infinity for it; leave it out of the "
            "corpus, or look at its coordinates"
        )
    return np.where(mask[:, None].numpy(), values.numpy(), np.float32("nan"))


def _stored(
    source: TokenSource, record: ProteinRecord, tokens: NDArray[np.float32]
) -> EncodedProtein:
    exact = torch.from_numpy(tokens)
    mask = ~exact.isnan().any(dim=1)
    values = torch.where(mask[:, None], exact, 0.0).to(source.identity.torch_dtype)
    if not bool(values.isfinite().all()):
        raise DataError(
            f"record {record.id}: {source.name} gives numbers up to {exact[mask].abs().max():.3g}, "
            f"too large for {source.identity.dtype}; set token_cache.dtype to bf16 or fp32"
        )
    return EncodedProtein(source.inputs.of(record), values, mask)
