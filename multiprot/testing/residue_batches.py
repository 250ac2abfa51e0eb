"""Row r is residue r, and what else is in the batch changes nothing."""

from __future__ import annotations

import numpy as np
import torch

from multiprot.testing.demand import demand, demand_same
from multiprot.testing.records import protein
from multiprot.testing.residue_trial import ROW_RULE, ResidueTrial

_ALONE = (
    "no residue may see padding or another protein: mask attention and convolutions at padding, "
    "keep graphs apart, and use no statistics over the batch (LayerNorm, not BatchNorm)"
)
_RANDOM = "nothing may be random in eval(): dropout goes through nn.Dropout or self.training"


class BatchTests(ResidueTrial):
    """Shapes, masks, batches."""

    def test_one_row_per_residue(self) -> None:
        """Shape, type and mask are right; what is masked is zero."""
        encoder = self.encoder()
        tokens = self.padded(encoder, self.records)
        demand(
            tokens.mask.dtype == torch.bool,
            f"the mask is {tokens.mask.dtype}",
            "the mask is bool [protein, residue]",
        )
        demand(
            tokens.values.dtype == torch.float32,
            f"values are {tokens.values.dtype} although the parameters are float32",
            "return tokens in the type of the parameters; change no precision silently",
        )
        demand(
            torch.isfinite(tokens.values).all(),
            "some values are NaN or infinite",
            "look at records with unresolved residues, odd letters and a single residue",
        )
        for record, mask in zip(self.records, tokens.mask, strict=True):
            demand(
                not mask[len(record) :].any(),
                f"record {record.id}: padding behind residue {len(record)} is not masked",
                "the mask is False at padding",
            )
        demand(
            not tokens.values[~tokens.mask].any(),
            "values at mask False are not zero",
            "multiply the values by the mask at the end",
        )

    def test_alone_equals_in_a_batch(self) -> None:
        """What else is in the batch changes no protein's tokens."""
        encoder = self.encoder()
        together = self.padded(encoder, self.records)
        for row, record in enumerate(self.records):
            values, mask = self.one(encoder, record)
            inside = together.values[row, : len(record)]
            problem = f"record {record.id} has other tokens alone than in a batch"
            self.close(values, inside, problem, _ALONE)
            demand_same(mask, together.mask[row, : len(record)], f"{problem} (mask)", _ALONE)

    def test_order_of_the_batch_does_not_matter(self) -> None:
        """Reversing the batch reverses the rows and changes nothing else."""
        encoder = self.encoder()
        there, back = self.padded(encoder, self.records), self.padded(encoder, self.records[::-1])
        problem = "tokens change with the order of the batch"
        self.close(there.values, back.values.flip(0), problem, _ALONE)
        demand_same(there.mask, back.mask.flip(0), f"{problem} (mask)", _ALONE)

    def test_twice_is_the_same(self) -> None:
        """In evaluation mode nothing is random, in the features neither."""
        encoder = self.encoder()
        first, second = (self.padded(encoder, self.records).values for _ in range(2))
        demand_same(first, second, "the same records gave other tokens the second time", _RANDOM)

    def test_training_mode_leaves_no_trace(self) -> None:
        """A forward pass in training mode changes no token afterwards: only an optimizer may."""
        encoder = self.encoder()
        before = self.padded(encoder, self.records).values
        encoder.train()
        self.padded(encoder, self.records)
        after = self.padded(encoder.eval(), self.records).values
        mend = "keep no running statistics of batches (BatchNorm); LayerNorm keeps none"
        demand_same(after, before, "a forward pass in train() changed the tokens in eval()", mend)

    def test_empty_batch(self) -> None:
        """No records give no tokens, in every layout."""
        encoder = self.encoder()
        self.padded(encoder, [])
        if self.capabilities.packs:
            self.packed(encoder, [])

    def test_one_residue(self) -> None:
        """A protein of one residue has one token, alone and beside longer ones."""
        encoder, lone = self.encoder(), protein(np.random.default_rng(3), "lone", 1)
        values, mask = self.one(encoder, lone)
        demand(torch.isfinite(values).all(), "the token of a lone residue is not finite", ROW_RULE)
        beside = self.padded(encoder, [self.short(), lone])
        problem = "a lone residue has another token beside a longer protein"
        self.close(beside.values[1, :1], values, problem, _ALONE)
        demand_same(beside.mask[1, :1], mask, f"{problem} (mask)", _ALONE)

    def test_packed_equals_padded(self) -> None:
        """Where packing is offered it changes nothing but the layout."""
        if not self.capabilities.packs:
            return
        encoder = self.encoder()
        padded, packed = self.padded(encoder, self.records), self.packed(encoder, self.records)
        inside = [(row, slice(0, len(record))) for row, record in enumerate(self.records)]
        values = torch.cat([padded.values[place] for place in inside])
        mask = torch.cat([padded.mask[place] for place in inside])
        mend = "both layouts are the same computation; only the arrangement of rows differs"
        self.close(packed.values, values, "packed tokens differ from padded ones", mend)
        demand_same(packed.mask, mask, "the packed mask differs from the padded one", mend)
