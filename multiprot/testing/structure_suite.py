"""What must hold of any structure encoder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from multiprot.encoders.contract import Layout, MaskableFeatures
from multiprot.encoders.plugin import Modality
from multiprot.proteins import ProteinRecord
from multiprot.testing.records import backbone, moved, protein, random_rotation, without_atoms
from multiprot.testing.residue_suite import ResidueEncoderSuite


class StructureEncoderSuite(ResidueEncoderSuite):
    """Subclass it with `plugin` and `tiny_config`; pytest does the rest."""

    def test_modality(self) -> None:
        """It is declared as what it is."""
        assert self.plugin.modality is Modality.STRUCTURE
        assert "backbone" in self.capabilities.requires

    def test_mask_tells_what_was_seen(self) -> None:
        """Residues with N, CA and C have a token, residues without any atom have none."""
        tokens = self.padded(self.encoder(), self.records)
        for record, mask in zip(self.records, tokens.mask.numpy(), strict=True):
            shown = mask[: len(record)]
            if record.structure is None:
                assert not shown.any(), f"{record.id}: tokens without a structure"
                continue
            assert shown[record.structure.has_frame].all(), f"{record.id}: a residue is left out"
            assert not shown[~record.structure.resolved].any(), f"{record.id}: a residue is made up"

    def test_row_is_residue(self) -> None:
        """Taking a residue's atoms away empties its own row and no other."""
        encoder, record = self.encoder(), _record()
        for position in (0, 13, 29):
            gone = np.zeros((30, 5), np.bool_)
            gone[position] = True
            _, mask = self.one(encoder, without_atoms(record, gone))
            assert (~mask).nonzero().flatten().tolist() == [position]

    def test_rotation_and_shift(self) -> None:
        """If it claims to be rotation invariant, a moved protein has the same tokens."""
        if not self.capabilities.rotation_invariant:
            return
        encoder, rng = self.encoder(), np.random.default_rng(1)
        still = self.padded(encoder, self.records)
        for _ in range(3):
            rotation, shift = random_rotation(rng), rng.normal(0, 30, 3)
            tokens = self.padded(encoder, [moved(r, rotation, shift) for r in self.records])
            self.close(tokens.values, still.values)
            assert torch.equal(tokens.mask, still.mask)

    def test_chirality(self) -> None:
        """A mirrored protein has other tokens if and only if the encoder claims to see it."""
        if not self.capabilities.rotation_invariant:
            return
        encoder, record = self.encoder(), _record()
        mirrored = moved(record, np.diag([1.0, 1.0, -1.0]), np.zeros(3))
        values, other = self.one(encoder, record)[0], self.one(encoder, mirrored)[0]
        apart = float((values - other).norm() / values.norm())
        assert (apart > 1e-2) == self.capabilities.sees_chirality, f"mirrored: {apart:.1e} apart"

    def test_shape_matters(self) -> None:
        """Another fold of the same sequence has other tokens."""
        encoder, record = self.encoder(), _record()
        helix = protein(np.random.default_rng(2), "helix", 30, helix=True)
        values, other = self.one(encoder, record)[0], self.one(encoder, helix)[0]
        assert not torch.allclose(values, other, atol=1e-2)

    def test_sees_only_what_it_requires(self) -> None:
        """Without "sequence" or "plddt" in its requirements it must not depend on them."""
        encoder, record = self.encoder(), _record()
        values, _ = self.one(encoder, record)
        if "sequence" not in self.capabilities.requires:
            renamed = replace(record, sequence="W" * len(record))
            assert torch.equal(self.one(encoder, renamed)[0], values)
        if "plddt" not in self.capabilities.requires:
            sure = replace(backbone(record), confidence=np.full(len(record), 90, np.float32))
            assert torch.equal(self.one(encoder, replace(record, structure=sure))[0], values)

    def test_residues_can_be_hidden(self) -> None:
        """With "sequence" in its requirements its features hide amino acids, in both layouts.

        Without that, masked-residue objectives would leak their answers through the structure.
        """
        if "sequence" not in self.capabilities.requires:
            return
        encoder, record = self.encoder(), _record()
        renamed = replace(record, sequence="W" * len(record))
        everywhere = torch.ones(1, len(record), dtype=torch.bool)
        nothing = torch.full((1, len(record)), -1)
        layouts = [Layout.PADDED, *([Layout.PACKED] if self.capabilities.packs else [])]
        for layout in layouts:
            hidden, shown = [], []
            for one in (record, renamed):
                features = encoder.featurizer([one], layout)
                assert isinstance(features, MaskableFeatures), "features must have mask_residues"
                with torch.no_grad():
                    shown.append(encoder(features).values)
                    masked = features.mask_residues(everywhere, nothing)
                    hidden.append(encoder(masked).values)
                    assert torch.equal(encoder(features).values, shown[-1]), "the original changed"
            assert torch.equal(hidden[0], hidden[1]), f"{layout}: hidden residues are seen"
            assert not torch.equal(shown[0], shown[1]), f"{layout}: residues are not seen"


def _record() -> ProteinRecord:
    return protein(np.random.default_rng(5), "fold", 30)
