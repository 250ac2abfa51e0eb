"""A residue encoder under test: how suites build it and what they feed it with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multiprot.encoders.contract import Layout, PackedTokens, ResidueTokens
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
        torch.manual_seed(seed)
        return self.plugin.build(self.tiny_config()).eval()

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
            tokens: ResidueTokens = encoder(encoder.featurizer(records, Layout.PADDED))
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
            tokens: PackedTokens = encoder(encoder.featurizer(records, Layout.PACKED))
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


def lettered(record: ProteinRecord, sequence: str) -> ProteinRecord:
    """The record with other residues on the same backbone."""
    return ProteinRecord(id=record.id, sequence=sequence, structure=record.structure)


def relative_change(found: Tensor, before: Tensor) -> float:
    """Norm of the difference over the norm of what was before."""
    return float((found.float() - before.float()).norm() / (before.float().norm() + 1e-6))
