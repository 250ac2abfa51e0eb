"""What must hold of an encoder whose first layers may be frozen; others pass."""

from __future__ import annotations

from typing import Any

import torch

from multiprot.encoders.contract import Layout, PartlyFrozen, ResidueTokens
from multiprot.testing.demand import demand, demand_same
from multiprot.testing.residue_trial import ResidueTrial


class PartlyFrozenTests(ResidueTrial):
    """What a token cache relies on; tried with options that freeze the first layers."""

    def test_both_parts_make_the_whole(self) -> None:
        """The learning part goes on from the frozen one to the tokens of the encoder."""
        encoder = self.stirred()
        frozen = _frozen_part(encoder)
        if frozen is None:
            return
        features = encoder.featurizer(self.records, Layout.PADDED)
        first, whole = frozen(features), self.run(encoder, features, self.records)
        found = encoder.learning_part(first)
        mend = "let learning_part do what forward does behind the frozen layers, and nothing else"
        demand_same(found.mask, whole.mask, "learning_part changes the mask", mend)
        self.close(found.values, whole.values, "both parts do not make the whole", mend)

    def test_the_frozen_part_stays(self) -> None:
        """It carries no gradient, and neither training mode nor learning changes its tokens."""
        encoder = self.stirred()
        frozen = _frozen_part(encoder)
        if frozen is None:
            return
        features = encoder.featurizer(self.records, Layout.PADDED)
        before = frozen(features)
        mend = "put into frozen_part layers that never learn, in use mode, under torch.no_grad"
        demand(not before.values.requires_grad, "tokens of the frozen part carry a gradient", mend)
        encoder.train()
        frozen.train()
        with torch.no_grad():
            for parameter in encoder.parameters():
                parameter.add_(torch.ones_like(parameter) * float(parameter.requires_grad))
        after = frozen(features).values
        demand_same(after, before.values, "training changes tokens of the frozen part", mend)

    def test_the_learning_part_does_not_see_what_is_withheld(self) -> None:
        """A protein without tokens has none behind it either, and no other protein sees it."""
        encoder = self.stirred()
        frozen = _frozen_part(encoder)
        if frozen is None:
            return
        shown = frozen(encoder.featurizer(self.records, Layout.PADDED))
        mask = shown.mask.clone()
        mask[0] = False
        clean = shown.values.masked_fill(~mask[..., None], 0)
        found = encoder.learning_part(ResidueTokens(clean, mask))
        mend = "read nothing behind the mask, give zeros there, and divide by no empty sum"
        demand_same(found.mask, mask, "learning_part changes the mask", mend)
        demand(not found.values[0].any(), "a protein without tokens gets some", mend)
        whole = encoder.learning_part(shown).values[1:]
        self.close(found.values[1:], whole, "a protein without tokens changes others", mend)


def _frozen_part(encoder: Any) -> Any:
    """The part that does not learn, or None where the encoder is not made of two."""
    return encoder.frozen_part() if isinstance(encoder, PartlyFrozen) else None
