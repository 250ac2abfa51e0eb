"""A residue encoder under test: how suites build it and what they feed it with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multiprot.encoders.contract import (
    Layout,
    PackedTokens,
    ReadsSequenceTokens,
    ResidueTokens,
)
from multiprot.proteins import ProteinRecord
from multiprot.testing.demand import demand, demand_close
from multiprot.testing.records import example_records, protein
from multiprot.testing.standard import EncoderTrial

ROW_RULE = (
    "row r of the tokens is residue r of record.sequence: strip special tokens on the way out, "
    "and keep a row for every residue"
)

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""Parameter types other than float32 that an encoder may claim."""

_SHORT = 30

SEQUENCE_CHANNELS = 10
"""Channels of the made-up sequence tokens that a structure encoder which reads such is given."""


class ResidueTrial(EncoderTrial):
    """Base of all tests of residue encoders."""

    @property
    def records(self) -> tuple[ProteinRecord, ...]:
        """Proteins to try it on, none longer than it takes."""
        limit = self.capabilities.max_residues
        demand(
            limit is None or limit >= _SHORT,
            f"tiny_config takes only {limit} residues",
            f"give it a max_residues of at least {_SHORT}",
        )
        whole = example_records()
        return whole if limit is None else tuple(r.crop(0, min(len(r), limit)) for r in whole)

    def encoder(self, seed: int = 0) -> Any:
        """The tiny encoder in evaluation mode, its random weights drawn from `seed`."""
        return self.built(seed).eval()

    def built(self, seed: int = 0) -> Any:
        """The tiny encoder just built, and bound to sequence tokens if it reads such."""
        torch.manual_seed(seed)
        encoder = self.plugin.build(self.tiny_config())
        if isinstance(encoder, ReadsSequenceTokens):
            encoder.bind_sequence(SEQUENCE_CHANNELS)
        return encoder

    def run(self, encoder: Any, features: Any, records: Sequence[ProteinRecord]) -> Any:
        """Tokens of `features`, which are of `records`; sequence tokens are there if it reads them.

        They tell a residue's place and no letter: what changes with a letter was read elsewhere.
        """
        reads = isinstance(encoder, ReadsSequenceTokens)
        if not reads:
            return encoder(features)
        device = next((part.device for part in encoder.parameters()), None)
        sequence = made_up_tokens(records)
        return encoder(
            features, ResidueTokens(sequence.values.to(device), sequence.mask.to(device))
        )

    def stirred(self, seed: int = 0) -> Any:
        """The encoder with a little noise on everything that learns.

        What begins at zero (the gate of a residual, one half of an adapter) shows its influence.
        """
        encoder = self.encoder(seed)
        noise = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in encoder.parameters():
                if parameter.requires_grad:
                    parameter.add_(0.05 * torch.randn(parameter.shape, generator=noise))
        return encoder

    def padded(self, encoder: Any, records: Sequence[ProteinRecord]) -> ResidueTokens:
        """Padded tokens of `records`."""
        with torch.no_grad():
            features = encoder.featurizer(records, Layout.PADDED)
            tokens: ResidueTokens = self.run(encoder, features, records)
        demand(
            isinstance(tokens, ResidueTokens),
            f"padded features gave {type(tokens).__name__}",
            "return multiprot.encoders.contract.ResidueTokens for Layout.PADDED",
        )
        shape, rows = tuple(tokens.values.shape), tuple(tokens.mask.shape)
        longest = max((len(record) for record in records), default=0)
        wanted = (len(records), longest, encoder.token_dim)
        demand(
            shape == wanted and rows == wanted[:2],
            f"values have shape {list(shape)} and the mask {list(rows)}, expected [protein, "
            f"longest protein, token_dim] = {list(wanted)} and {list(wanted[:2])}",
            ROW_RULE,
        )
        return tokens

    def packed(self, encoder: Any, records: Sequence[ProteinRecord]) -> PackedTokens:
        """Packed tokens of `records`."""
        with torch.no_grad():
            features = encoder.featurizer(records, Layout.PACKED)
            tokens: PackedTokens = self.run(encoder, features, records)
        demand(
            isinstance(tokens, PackedTokens),
            f"packed features gave {type(tokens).__name__}",
            "return multiprot.encoders.contract.PackedTokens for Layout.PACKED, or say packs=False",
        )
        lengths = [len(record) for record in records]
        demand(
            tokens.offsets.dtype == torch.int32
            and tokens.offsets.tolist() == np.cumsum([0, *lengths]).tolist(),
            f"offsets are {tokens.offsets.dtype} {tokens.offsets.tolist()} for lengths {lengths}",
            "offsets are int32 [protein + 1], cumulative lengths beginning with 0",
        )
        demand(
            tuple(tokens.values.shape) == (sum(lengths), encoder.token_dim)
            and tuple(tokens.mask.shape) == (sum(lengths),),
            f"packed values have shape {list(tokens.values.shape)} for {sum(lengths)} residues and "
            f"token_dim {encoder.token_dim}",
            ROW_RULE,
        )
        return tokens

    def one(self, encoder: Any, record: ProteinRecord) -> tuple[Tensor, Tensor]:
        """Values [residue, channel] and mask [residue] of one protein on its own."""
        tokens = self.padded(encoder, [record])
        return tokens.values[0], tokens.mask[0]

    def close(self, found: Tensor, wanted: Tensor, problem: str, mend: str) -> None:
        """Demand equality to `tolerance`."""
        __tracebackhide__ = True
        demand_close(found, wanted, self.tolerance, problem, mend)

    def short(self, name: str = "short", residues: int = _SHORT) -> ProteinRecord:
        """A whole protein of random letters other than W, which serves as the change."""
        drawn = protein(np.random.default_rng(residues), name, residues)
        return lettered(drawn, drawn.sequence.replace("W", "A"))


def made_up_tokens(records: Sequence[ProteinRecord]) -> ResidueTokens:
    """Padded tokens that a sequence encoder might give; a residue's are the same in any company."""
    lengths = torch.tensor([len(record) for record in records], dtype=torch.int64)
    places = torch.arange(int(lengths.max()) if len(records) else 0)
    mask = places < lengths[:, None]
    waves = (places[:, None] + 1) * torch.arange(1, SEQUENCE_CHANNELS + 1) * 0.7
    return ResidueTokens(torch.where(mask[..., None], waves.cos(), 0.0), mask)


def lettered(record: ProteinRecord, sequence: str) -> ProteinRecord:
    """The record with other residues on the same backbone."""
    return ProteinRecord(id=record.id, sequence=sequence, structure=record.structure)


def relative_change(found: Tensor, before: Tensor) -> float:
    """Norm of the difference over the norm of what was before."""
    return float((found.float() - before.float()).norm() / (before.float().norm() + 1e-6))
