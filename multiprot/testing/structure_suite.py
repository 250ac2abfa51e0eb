"""What must hold of any structure encoder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from multiprot.encoders.contract import Layout, MaskableFeatures
from multiprot.encoders.plugin import Modality
from multiprot.proteins import Confidence, ProteinRecord
from multiprot.testing.demand import demand, demand_same
from multiprot.testing.records import (
    backbone,
    broken,
    moved,
    moved_behind,
    protein,
    random_rotation,
    without_atoms,
)
from multiprot.testing.residue_suite import ResidueEncoderSuite
from multiprot.testing.residue_trial import ROW_RULE, lettered, relative_change
from multiprot.testing.token_reading import TokenReadingTests

_SEEN = 1e-2
"""Relative change from which on an encoder sees a difference."""

_HALF = 40
"""Residues on either side of a chain break: more than most encoders have neighbours."""


class StructureEncoderSuite(TokenReadingTests, ResidueEncoderSuite):
    """Subclass it with `plugin`, and with `tiny_config` if need be; pytest does the rest."""

    def test_modality(self) -> None:
        """It is declared as what it is."""
        demand(
            self.plugin.modality is Modality.STRUCTURE and "backbone" in self.capabilities.requires,
            f"modality {self.plugin.modality}, requires {sorted(self.capabilities.requires)}",
            "declare Modality.STRUCTURE and put 'backbone' into requires",
        )

    def test_mask_tells_what_was_seen(self) -> None:
        """Residues with N, CA and C have a token, residues without any atom have none."""
        tokens = self.padded(self.encoder(), self.records)
        mend = "the mask is True where record.structure.has_frame is, False where resolved is not"
        for record, mask in zip(self.records, tokens.mask.numpy(), strict=True):
            shown = mask[: len(record)]
            if record.structure is None:
                demand(not shown.any(), f"record {record.id}: tokens without a structure", mend)
                continue
            framed, resolved = record.structure.has_frame, record.structure.resolved
            demand(shown[framed].all(), f"record {record.id}: a seen residue has no token", mend)
            demand(
                not shown[~resolved].any(),
                f"record {record.id}: an unresolved residue has a token",
                mend,
            )

    def test_row_is_residue(self) -> None:
        """Taking a residue's atoms away empties its own row and no other."""
        encoder, record = self.encoder(), self.short()
        for position in (0, 13, 29):
            gone = np.zeros((len(record), 5), np.bool_)
            gone[position] = True
            empty = (~self.one(encoder, without_atoms(record, gone))[1]).nonzero().flatten()
            demand(
                empty.tolist() == [position],
                f"without the atoms of residue {position} the mask is False at {empty.tolist()}",
                ROW_RULE,
            )

    def test_rotation_and_shift(self) -> None:
        """A moved protein has the same tokens if, and only if, the encoder claims it."""
        encoder, rng = self.encoder(), np.random.default_rng(1)
        still, claimed = self.padded(encoder, self.records), self.capabilities.rotation_invariant
        apart = 0.0
        for _ in range(3):
            rotation, shift = random_rotation(rng), rng.normal(0, 30, 3)
            tokens = self.padded(encoder, [moved(r, rotation, shift) for r in self.records])
            apart = max(apart, float((tokens.values - still.values).abs().max()))
            demand_same(tokens.mask, still.mask, "the mask turns with the protein", "see has_frame")
        largest = self.tolerance * (1 + float(still.values.abs().max()))
        demand(
            (apart <= largest) == claimed,
            f"rotation_invariant={claimed}, but a moved protein's tokens differ by {apart:.1e}",
            "look at distances, angles and local frames only; or correct the capability",
        )

    def test_chirality(self) -> None:
        """A mirrored protein has other tokens if, and only if, the encoder claims to see it."""
        encoder, record = self.encoder(), self.short()
        mirrored = moved(record, np.diag([1.0, 1.0, -1.0]), np.zeros(3))
        apart = relative_change(self.one(encoder, mirrored)[0], self.one(encoder, record)[0])
        demand(
            (apart > _SEEN) == self.capabilities.sees_chirality,
            f"sees_chirality={self.capabilities.sees_chirality}, but the mirrored protein's tokens "
            f"are {apart:.1e} apart",
            "dihedrals and cross products see chirality, distances and angles do not; correct "
            "the capability or the features",
        )

    def test_shape_matters(self) -> None:
        """Another fold of the same sequence has other tokens."""
        encoder, record = self.encoder(), self.short()
        helix = protein(np.random.default_rng(2), "helix", len(record), helix=True)
        helix = lettered(helix, record.sequence)
        apart = relative_change(self.one(encoder, helix)[0], self.one(encoder, record)[0])
        demand(apart > _SEEN, f"a helix and a mixed fold are {apart:.1e} apart", "look at the fold")

    def test_size_matters(self) -> None:
        """The same shape one tenth larger has other tokens: distances are read, and in Å."""
        encoder, record = self.encoder(), self.short()
        larger = moved(record, 1.1 * np.eye(3), np.zeros(3))
        apart = relative_change(self.one(encoder, larger)[0], self.one(encoder, record)[0])
        demand(
            apart > 1e-3,
            f"a protein one tenth larger has tokens only {apart:.1e} apart",
            "coordinates are in Å, neighbouring CA atoms 3.8 apart: check cut-offs and distance "
            "bins that were made for nanometres, and do not scale the protein to unit size",
        )

    def test_chain_break_is_no_bond(self) -> None:
        """Where the chain is broken, how the part behind lies far away changes nothing."""
        encoder, rng = self.encoder(), np.random.default_rng(4)
        whole = protein(rng, "broken", 2 * _HALF)
        record = broken(whole, _HALF - 1)
        first, second = (
            moved_behind(record, _HALF, random_rotation(rng), np.array([300.0, 40.0 * pose, 0.0]))
            for pose in range(2)
        )
        apart = relative_change(self.one(encoder, first)[0], self.one(encoder, second)[0])
        demand(
            apart < 10 * self.tolerance,
            f"across a break of 300 Å tokens change by {apart:.1e} with the other part's pose",
            "use record.structure.chain_breaks: no dihedral, bond vector or sequence edge leads "
            "across one",
        )

    def test_sees_only_what_it_requires(self) -> None:
        """Tokens depend on "sequence" and "plddt" if, and only if, it requires them."""
        encoder, record = self.encoder(), self.short()
        confident = replace(
            backbone(record),
            confidence=np.full(len(record), 90, np.float32),
            confidence_kind=Confidence.PLDDT,
        )
        unsure = replace(confident, confidence=np.full(len(record), 30, np.float32))
        changes: dict[str, tuple[ProteinRecord, ProteinRecord]] = {
            "sequence": (record, lettered(record, "W" * len(record))),
            "plddt": tuple(replace(record, structure=s) for s in (confident, unsure)),  # type: ignore[dict-item]
        }
        for what, pair in changes.items():
            seen = not torch.equal(*(self.one(encoder, each)[0] for each in pair))
            demand(
                seen == (what in self.capabilities.requires),
                f"tokens {'change' if seen else 'do not change'} with the {what}, but requires is "
                f"{sorted(self.capabilities.requires)}",
                f"say {what!r} in requires if, and only if, it is looked at",
            )

    def test_residues_can_be_hidden(self) -> None:
        """With "sequence" in its requirements its features hide amino acids, in both layouts.

        Without that, masked-residue objectives would leak their answers through the structure.
        """
        if "sequence" not in self.capabilities.requires:
            return
        for layout in Layout if self.capabilities.packs else (Layout.PADDED,):
            self._demand_hiding(layout)

    def _demand_hiding(self, layout: Layout) -> None:
        encoder, record = self.encoder(), self.short()
        everywhere = torch.ones(1, len(record), dtype=torch.bool)
        mend = "give the features mask_residues, which hides a residue from nodes and edges alike"
        hidden = []
        for one in (record, lettered(record, "W" * len(record))):
            features = encoder.featurizer([one], layout)
            demand(isinstance(features, MaskableFeatures), "features cannot hide residues", mend)
            with torch.no_grad():
                shown = self.run(encoder, features, [one]).values
                masked = features.mask_residues(everywhere, torch.full((1, len(record)), -1))
                hidden.append(self.run(encoder, masked, [one]).values)
                after = self.run(encoder, features, [one]).values
                demand_same(after, shown, "mask_residues changed them", mend)
        demand_same(hidden[0], hidden[1], f"{layout}: hidden residues are seen", mend)
