"""What must hold of any sequence encoder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from multiprot.encoders.contract import Layout, MaskableFeatures, PackedTokens
from multiprot.encoders.plugin import Modality
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord, residue_indices
from multiprot.testing.records import protein
from multiprot.testing.residue_suite import ResidueEncoderSuite


class SequenceEncoderSuite(ResidueEncoderSuite):
    """Subclass it with `plugin` and `tiny_config`; pytest does the rest."""

    def test_modality(self) -> None:
        """It is declared as what it is."""
        assert self.plugin.modality is Modality.SEQUENCE
        assert "sequence" in self.capabilities.requires

    def test_every_residue_has_a_token(self) -> None:
        """The mask is True at every residue, odd letters included."""
        tokens = self.padded(self.encoder(), self.records)
        for record, mask in zip(self.records, tokens.mask, strict=True):
            assert mask[: len(record)].all(), f"{record.id}: a residue has no token"

    def test_row_is_residue(self) -> None:
        """Changing one letter changes its own row the most."""
        encoder, record = self.encoder(), _record(30)
        values, _ = self.one(encoder, record)
        for position in (0, 1, 14, 28, 29):
            changed, _ = self.one(encoder, _with_letter(record, position, "W"))
            assert (changed - values).norm(dim=-1).argmax() == position

    def test_position_matters(self) -> None:
        """Two proteins of the same composition get different tokens."""
        encoder, record = self.encoder(), _record(30)
        back = replace(record, sequence=record.sequence[::-1])
        values, reversed_values = self.one(encoder, record)[0], self.one(encoder, back)[0]
        assert not torch.allclose(values, reversed_values.flip(0), atol=1e-3)

    def test_every_letter_is_taken(self) -> None:
        """Each letter a record may hold gives a finite token."""
        tokens = self.padded(self.encoder(), [_record(letters=RESIDUE_LETTERS)])
        assert tokens.mask.all()
        assert torch.isfinite(tokens.values).all()

    def test_masked_residue_is_not_seen(self) -> None:
        """With a residue masked, no token tells which letter it was, in either layout."""
        record, hidden = _record(25), [0, 7, 24]
        other = record
        for position in hidden:
            other = _with_letter(other, position, "W")
        for layout in self._layouts():
            seen = [
                self._masked([r, _record(9)], [hidden, [3]], None, layout) for r in (record, other)
            ]
            assert torch.equal(*seen), f"{layout}: a masked letter is seen"
            assert not torch.equal(
                seen[0], self._masked([record, _record(9)], [[], []], None, layout)
            )

    def test_substitute_is_seen_instead(self) -> None:
        """Masking with a substitute equals reading the substitute, in either layout."""
        record, position = _record(25), 7
        wanted = _with_letter(record, position, "W")
        for layout in self._layouts():
            shown = self._masked([record, _record(9)], [[position], []], "W", layout)
            self.close(shown, self._masked([wanted, _record(9)], [[], []], None, layout))

    def test_masking_leaves_the_original(self) -> None:
        """Features given to `mask_residues` can be used again."""
        encoder, record = self.encoder(), _record(12)
        features = encoder.featurizer([record], Layout.PADDED)
        with torch.no_grad():
            before = encoder(features).values
            features.mask_residues(torch.ones(1, 12, dtype=torch.bool), torch.full((1, 12), -1))
            assert torch.equal(encoder(features).values, before)

    def _layouts(self) -> tuple[Layout, ...]:
        return tuple(Layout) if self.capabilities.packs else (Layout.PADDED,)

    def _masked(
        self,
        records: list[ProteinRecord],
        hidden: list[list[int]],
        substitute: str | None,
        layout: Layout,
    ) -> Tensor:
        """Values of `records` with residues hidden, or shown as `substitute`."""
        encoder = self.encoder()
        features = encoder.featurizer(records, layout)
        assert isinstance(features, MaskableFeatures), "features must have mask_residues"
        shape = (len(records), max(len(record) for record in records))
        masked = torch.zeros(shape, dtype=torch.bool)
        for row, positions in enumerate(hidden):
            masked[row, positions] = True
        index = -1 if substitute is None else int(residue_indices(substitute)[0])
        with torch.no_grad():
            tokens = encoder(features.mask_residues(masked, torch.full(shape, index)))
        assert isinstance(tokens, PackedTokens) == (layout is Layout.PACKED)
        values: Tensor = tokens.values
        return values


def _record(residues: int = 0, letters: str = "") -> ProteinRecord:
    """A protein of given letters or of random ones without W, which serves as the change."""
    drawn = protein(np.random.default_rng(residues), "p", residues or len(letters))
    return replace(drawn, sequence=letters or drawn.sequence.replace("W", "A"), structure=None)


def _with_letter(record: ProteinRecord, position: int, letter: str) -> ProteinRecord:
    before, after = record.sequence[:position], record.sequence[position + 1 :]
    return replace(record, sequence=before + letter + after)
