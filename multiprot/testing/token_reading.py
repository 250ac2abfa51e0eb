"""What must hold of a structure encoder that reads sequence tokens; others pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from multiprot.encoders.contract import Layout, ReadsSequenceTokens, ResidueTokens
from multiprot.errors import PluginError
from multiprot.testing.demand import demand, demand_same, refusal
from multiprot.testing.residue_trial import (
    SEQUENCE_CHANNELS,
    ResidueTrial,
    made_up_tokens,
    relative_change,
)


class TokenReadingTests(ResidueTrial):
    """What it is told by the sequence encoder, and what it must not look at."""

    def test_sequence_tokens_are_bound_once(self) -> None:
        """Unbound it refuses to run; bound, it refuses another number of channels."""
        encoder = self.plugin.build(self.tiny_config())
        if not isinstance(encoder, ReadsSequenceTokens):
            return
        mend = "make what depends on the channels in bind_sequence, and raise PluginError"
        unbound: Any = encoder
        features = unbound.featurizer(self.records, Layout.PADDED)
        refusal(PluginError, lambda: unbound(features), "an unbound encoder", mend)
        encoder.bind_sequence(SEQUENCE_CHANNELS)
        problem = "bound to tokens of another number of channels"
        refusal(PluginError, lambda: encoder.bind_sequence(SEQUENCE_CHANNELS + 1), problem, mend)

    def test_sequence_tokens_are_read(self) -> None:
        """Other sequence tokens give other tokens, and gradients reach them."""
        encoder = self.stirred()
        if not isinstance(encoder, ReadsSequenceTokens):
            return
        shown = made_up_tokens(self.records)
        values = shown.values.clone().requires_grad_()
        found = self._read(encoder, ResidueTokens(values, shown.mask))
        other = self._read(encoder, ResidueTokens(shown.values.flip(-1), shown.mask))
        mend = "read them in forward, or take bind_sequence away"
        demand(
            relative_change(other.detach(), found.detach()) > 1e-3,
            "other sequence tokens change nothing",
            mend,
        )
        (found * torch.randn_like(found)).sum().backward()  # type: ignore[no-untyped-call]
        told = values.grad is not None and bool(values.grad.any())
        demand(told, "no gradient reaches the sequence tokens", mend)

    def test_hidden_sequence_tokens_are_not_seen(self) -> None:
        """What lies behind a False mask changes nothing; None says the same as no token at all."""
        encoder = self.stirred()
        if not isinstance(encoder, ReadsSequenceTokens):
            return
        mend = (
            "clear values behind the mask with torch.where before anything reads them, and what "
            "was made of them afterwards: a protein's sequence may be withheld on purpose"
        )
        shown = made_up_tokens(self.records)
        mask = shown.mask.clone()
        mask[0] = False
        mask[1, ::2] = False
        behind = (shown.values, torch.where(mask[..., None], shown.values, torch.nan))
        clean, spoilt = (self._read(encoder, ResidueTokens(v, mask)) for v in behind)
        demand_same(clean, spoilt, "what a False mask hides is seen", mend)
        nothing = ResidueTokens(torch.zeros_like(shown.values), torch.zeros_like(mask))
        none, empty = self._read(encoder, None), self._read(encoder, nothing)
        demand_same(none, empty, "None is not as a mask that is False throughout", mend)
        problem = "hidden sequence tokens of one protein change another protein"
        whole = self._read(encoder, shown)
        demand_same(clean[2:], whole[2:], problem, mend)
        demand_same(clean[:1], none[:1], "a protein without sequence tokens is not alone", mend)

    def _read(self, encoder: Any, sequence: ResidueTokens | None) -> Tensor:
        """Values [protein, residue, channel] of all records beside `sequence`."""
        values: Tensor = encoder(encoder.featurizer(self.records, Layout.PADDED), sequence).values
        return values
