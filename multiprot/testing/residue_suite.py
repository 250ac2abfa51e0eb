"""What must hold of any encoder that makes residue tokens."""

from __future__ import annotations

import pickle
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from multiprot.config import Section
from multiprot.encoders.contract import Features, Layout, PackedTokens, ResidueTokens
from multiprot.encoders.plugin import Capabilities, EncoderPlugin
from multiprot.errors import DataError
from multiprot.proteins import ProteinRecord
from multiprot.testing.declaration import check_declaration, check_module_is_light, refusal
from multiprot.testing.records import example_records, protein


class ResidueEncoderSuite(ABC):
    """Base of the sequence and the structure case; pytest runs the methods of concrete ones."""

    plugin: ClassVar[EncoderPlugin[Any]]
    tolerance: ClassVar[float] = 1e-4
    """Largest difference that another batch, layout or orientation may make."""

    @abstractmethod
    def tiny_config(self) -> Section:
        """Options of an encoder that is built and run in a blink."""

    @property
    def capabilities(self) -> Capabilities:
        """What the tiny encoder claims."""
        return self.plugin.capabilities(self.tiny_config())

    @property
    def records(self) -> tuple[ProteinRecord, ...]:
        """Proteins to try it on."""
        return example_records()

    def encoder(self, seed: int = 0) -> Any:
        """The tiny encoder in evaluation mode, its random weights drawn from `seed`."""
        torch.manual_seed(seed)
        return self.plugin.build(self.tiny_config()).eval()

    def padded(self, encoder: Any, records: Sequence[ProteinRecord]) -> ResidueTokens:
        """Padded tokens of `records`."""
        with torch.no_grad():
            tokens = encoder(encoder.featurizer(records, Layout.PADDED))
        assert isinstance(tokens, ResidueTokens), f"padded features gave {type(tokens).__name__}"
        return tokens

    def one(self, encoder: Any, record: ProteinRecord) -> tuple[Tensor, Tensor]:
        """Values [residue, channel] and mask [residue] of one protein on its own."""
        tokens = self.padded(encoder, [record])
        return tokens.values[0], tokens.mask[0]

    def close(self, left: Tensor, right: Tensor) -> None:
        """Demand equality to `tolerance`."""
        torch.testing.assert_close(left, right, atol=self.tolerance, rtol=self.tolerance)

    def test_declaration(self) -> None:
        """Name, summary, version and config are in order."""
        check_declaration(self.plugin)

    def test_declaring_module_imports_no_torch(self) -> None:
        """Listing plugins costs milliseconds."""
        check_module_is_light(self.plugin)

    def test_one_row_per_residue(self) -> None:
        """Row r is residue r: no special tokens, padding is masked, hidden values are zero."""
        encoder = self.encoder()
        tokens = self.padded(encoder, self.records)
        longest = max(len(record) for record in self.records)
        assert tokens.values.shape == (len(self.records), longest, encoder.token_dim)
        assert tokens.mask.shape == tokens.values.shape[:2]
        assert tokens.mask.dtype == torch.bool
        assert torch.isfinite(tokens.values).all()
        assert not tokens.values[~tokens.mask].any(), "values at mask False must be zero"
        for record, mask in zip(self.records, tokens.mask, strict=True):
            assert not mask[len(record) :].any(), f"{record.id}: padding is not masked"

    def test_alone_equals_in_a_batch(self) -> None:
        """What else is in the batch changes no protein's tokens."""
        encoder = self.encoder()
        together = self.padded(encoder, self.records)
        for row, record in enumerate(self.records):
            values, mask = self.one(encoder, record)
            self.close(values, together.values[row, : len(record)])
            assert torch.equal(mask, together.mask[row, : len(record)])

    def test_order_of_the_batch_does_not_matter(self) -> None:
        """Reversing the batch reverses the rows and changes nothing else."""
        encoder = self.encoder()
        there, back = self.padded(encoder, self.records), self.padded(encoder, self.records[::-1])
        self.close(there.values, back.values.flip(0))
        assert torch.equal(there.mask, back.mask.flip(0))

    def test_twice_is_the_same(self) -> None:
        """In evaluation mode nothing is random."""
        encoder = self.encoder()
        first, second = (self.padded(encoder, self.records).values for _ in range(2))
        assert torch.equal(first, second)

    def test_empty_batch(self) -> None:
        """No records give no tokens."""
        encoder = self.encoder()
        tokens = self.padded(encoder, [])
        assert tokens.values.shape[0] == 0
        assert tokens.values.shape[-1] == encoder.token_dim

    def test_too_long_is_refused(self) -> None:
        """A protein beyond the limit raises and is named; nothing is cut."""
        limit = self.capabilities.max_residues
        if limit is None:
            return
        assert limit <= 5000, "give tiny_config a smaller limit"
        featurize = self.encoder().featurizer
        rng = np.random.default_rng(0)
        featurize([protein(rng, "fits", limit)], Layout.PADDED)
        longer = protein(rng, "longer", limit + 1)
        message = refusal(DataError, lambda: featurize([longer], Layout.PADDED))
        assert "longer" in message, f"the message does not name the record: {message}"
        assert str(limit) in message, f"the message does not name the limit: {message}"

    def test_gradients_reach_every_parameter(self) -> None:
        """A trainable encoder learns with all it has; a frozen one asks for no gradient."""
        encoder = self.encoder()
        if not self.capabilities.trainable:
            assert not any(p.requires_grad for p in encoder.parameters())
            return
        encoder.train()
        values = encoder(encoder.featurizer(self.records, Layout.PADDED)).values
        (values * torch.randn_like(values)).sum().backward()
        idle = [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.any()]
        assert not idle, f"no gradient reaches {', '.join(idle)}"

    def test_featurizer_travels_to_workers(self) -> None:
        """Pickled and unpickled, it makes the same features."""
        encoder = self.encoder()
        copy = pickle.loads(pickle.dumps(encoder.featurizer))  # noqa: S301 - made here
        with torch.no_grad():
            tokens = encoder(copy(self.records, Layout.PADDED))
        assert torch.equal(tokens.values, self.padded(encoder, self.records).values)

    def test_features_move(self) -> None:
        """Features keep the contract and their tokens when they are moved."""
        encoder = self.encoder()
        features = encoder.featurizer(self.records, Layout.PADDED)
        assert isinstance(features, Features)
        with torch.no_grad():
            tokens = encoder(features.to(torch.device("cpu"), non_blocking=True))
        assert torch.equal(tokens.values, self.padded(encoder, self.records).values)

    def test_weights_travel_in_safetensors(self) -> None:
        """Saved, and loaded into another encoder, the weights give the same tokens."""
        encoder, other = self.encoder(0), self.encoder(1)
        state = {name: part.contiguous() for name, part in encoder.state_dict().items()}
        other.load_state_dict(load(save(state)))
        first, second = (self.padded(e, self.records).values for e in (encoder, other))
        assert torch.equal(first, second)

    def test_packed_equals_padded(self) -> None:
        """Where packing is offered it changes nothing but the layout."""
        if not self.capabilities.packs:
            return
        encoder = self.encoder()
        padded = self.padded(encoder, self.records)
        with torch.no_grad():
            packed = encoder(encoder.featurizer(self.records, Layout.PACKED))
        assert isinstance(packed, PackedTokens)
        assert packed.offsets.dtype == torch.int32
        lengths = [len(record) for record in self.records]
        assert packed.offsets.tolist() == np.cumsum([0, *lengths]).tolist()
        inside = [slice(0, length) for length in lengths]
        values = torch.cat([v[part] for v, part in zip(padded.values, inside, strict=True)])
        mask = torch.cat([m[part] for m, part in zip(padded.mask, inside, strict=True)])
        self.close(packed.values, values)
        assert torch.equal(packed.mask, mask)

    def test_packed_empty_batch(self) -> None:
        """No records give no packed tokens either."""
        if not self.capabilities.packs:
            return
        encoder = self.encoder()
        packed = encoder(encoder.featurizer([], Layout.PACKED))
        assert packed.values.shape == (0, encoder.token_dim)
        assert packed.offsets.tolist() == [0]

    def test_claimed_precisions(self) -> None:
        """In every precision it claims, tokens are finite, of that type and nearly the same."""
        exact = self.padded(self.encoder(), self.records)
        names = {"bf16": torch.bfloat16, "fp16": torch.float16}
        for precision in self.capabilities.precisions & set(names):
            dtype = names[precision]
            tokens = self.padded(self.encoder().to(dtype), self.records)
            assert tokens.values.dtype == dtype
            assert torch.equal(tokens.mask, exact.mask)
            scale = exact.values.norm() + 1e-6
            assert (tokens.values.float() - exact.values).norm() < 0.1 * scale

    def test_autocast(self) -> None:
        """Where bf16 is claimed, single-precision weights under autocast give nearly the same."""
        if "bf16" not in self.capabilities.precisions:
            return
        encoder = self.encoder()
        exact = self.padded(encoder, self.records)
        with torch.autocast("cpu", torch.bfloat16):
            tokens = self.padded(encoder, self.records)
        assert torch.equal(tokens.mask, exact.mask)
        assert (tokens.values.float() - exact.values).norm() < 0.1 * (exact.values.norm() + 1e-6)
