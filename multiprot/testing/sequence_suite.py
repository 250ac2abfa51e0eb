"""What must hold of any sequence encoder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from multiprot.encoders.contract import Layout, MaskableFeatures
from multiprot.encoders.plugin import Modality
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord, residue_indices
from multiprot.testing.demand import demand, demand_same
from multiprot.testing.partly_frozen import PartlyFrozenTests
from multiprot.testing.records import moved
from multiprot.testing.residue_suite import ResidueEncoderSuite
from multiprot.testing.residue_trial import ROW_RULE, lettered

_MASKABLE = "give the features mask_residues(masked, substitutes), see MaskableFeatures"
_HIDE = (
    "hide a residue everywhere it is looked at, in both layouts, and let a substitute be read as "
    "if it stood in the sequence"
)


class SequenceEncoderSuite(PartlyFrozenTests, ResidueEncoderSuite):
    """Subclass it with `plugin`, and with `tiny_config` if need be; pytest does the rest."""

    def test_modality(self) -> None:
        """It is declared as what it is, and looks at nothing else than it requires."""
        capabilities = self.capabilities
        demand(
            self.plugin.modality is Modality.SEQUENCE and "sequence" in capabilities.requires,
            f"modality {self.plugin.modality}, requires {sorted(capabilities.requires)}",
            "declare Modality.SEQUENCE and put 'sequence' into requires",
        )
        encoder, record = self.encoder(), self.short()
        turned = moved(record, np.diag([1.0, 1.0, -1.0]), np.full(3, 5.0))
        seen = not torch.equal(self.one(encoder, record)[0], self.one(encoder, turned)[0])
        bare = replace(record, structure=None)
        if "backbone" not in capabilities.requires:
            seen |= not torch.equal(self.one(encoder, record)[0], self.one(encoder, bare)[0])
        demand(
            seen == ("backbone" in capabilities.requires),
            f"tokens {'change' if seen else 'do not change'} with the structure, but requires is "
            f"{sorted(capabilities.requires)}",
            "say 'backbone' in requires if, and only if, the structure is looked at",
        )

    def test_every_residue_has_a_token(self) -> None:
        """The mask is True at every residue, odd letters included."""
        tokens = self.padded(self.encoder(), self.records)
        for record, mask in zip(self.records, tokens.mask, strict=True):
            gone = (~mask[: len(record)]).nonzero().flatten().tolist()
            demand(
                not gone,
                f"record {record.id}: no token for {''.join(record.sequence[r] for r in gone)}",
                "a sequence encoder has a token for every letter, X, B, Z, J, U and O included",
            )

    def test_row_is_residue(self) -> None:
        """Changing one letter changes its own row the most."""
        encoder, record = self.encoder(), self.short()
        values, _ = self.one(encoder, record)
        for position in (0, 1, 14, 28, 29):
            changed, _ = self.one(encoder, _with_letter(record, position, "W"))
            row = int((changed - values).norm(dim=-1).argmax())
            demand(
                row == position,
                f"changing residue {position} changes row {row} the most (both count from 0)",
                ROW_RULE,
            )

    def test_position_matters(self) -> None:
        """Two proteins of the same composition get different tokens."""
        encoder, record = self.encoder(), self.short()
        back = lettered(record, record.sequence[::-1])
        values, reversed_values = self.one(encoder, record)[0], self.one(encoder, back)[0]
        demand(
            not torch.allclose(values, reversed_values.flip(0), atol=1e-3),
            "a sequence and its reverse have the same tokens, turned round",
            "let a residue see where its neighbours stand: positions, convolutions",
        )

    def test_every_letter_is_taken(self) -> None:
        """Each letter a record may hold gives a finite token."""
        record = ProteinRecord(id="letters", sequence=RESIDUE_LETTERS)
        tokens = self.padded(self.encoder(), [record])
        demand(
            tokens.mask.all() and torch.isfinite(tokens.values).all(),
            f"a letter of {RESIDUE_LETTERS} has no finite token",
            "decide and document what X, B, Z, J, U and O are read as",
        )

    def test_masked_residue_is_not_seen(self) -> None:
        """With a residue masked, no token tells which letter it was, in either layout."""
        record, hidden = self.short("query", 25), [0, 7, 24]
        other = record
        for position in hidden:
            other = _with_letter(other, position, "W")
        beside = self.short("beside", 9)
        for layout in self._layouts():
            seen = [self._masked([r, beside], [hidden, [3]], None, layout) for r in (record, other)]
            demand_same(seen[0], seen[1], f"{layout}: a masked letter is seen", _HIDE)
            shown = self._masked([record, beside], [[], []], None, layout)
            demand(not torch.equal(seen[0], shown), f"{layout}: masking changes no token", _HIDE)

    def test_substitute_is_seen_instead(self) -> None:
        """Masking with a substitute equals reading the substitute, in either layout."""
        record, position = self.short("query", 25), 7
        wanted, beside = _with_letter(record, position, "W"), self.short("beside", 9)
        for layout in self._layouts():
            shown = self._masked([record, beside], [[position], []], "W", layout)
            plain = self._masked([wanted, beside], [[], []], None, layout)
            self.close(shown, plain, f"{layout}: a substitute is not read as the letter", _HIDE)

    def test_masking_leaves_the_original(self) -> None:
        """Features given to `mask_residues` can be used again."""
        encoder, record = self.encoder(), self.short("query", 12)
        features = encoder.featurizer([record], Layout.PADDED)
        demand(isinstance(features, MaskableFeatures), "features cannot hide residues", _MASKABLE)
        with torch.no_grad():
            before = encoder(features).values
            features.mask_residues(torch.ones(1, 12, dtype=torch.bool), torch.full((1, 12), -1))
            demand_same(
                encoder(features).values,
                before,
                "mask_residues changed the features it was called on",
                "make new tensors; several objectives mask one batch",
            )

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
        demand(isinstance(features, MaskableFeatures), "features cannot hide residues", _MASKABLE)
        shape = (len(records), max(len(record) for record in records))
        masked = torch.zeros(shape, dtype=torch.bool)
        for row, positions in enumerate(hidden):
            masked[row, positions] = True
        index = -1 if substitute is None else int(residue_indices(substitute)[0])
        with torch.no_grad():
            values: Tensor = encoder(
                features.mask_residues(masked, torch.full(shape, index))
            ).values
        return values


def _with_letter(record: ProteinRecord, position: int, letter: str) -> ProteinRecord:
    return lettered(record, record.sequence[:position] + letter + record.sequence[position + 1 :])
