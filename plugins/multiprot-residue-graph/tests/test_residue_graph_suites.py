"""What multiprot asks of every structure encoder."""

from __future__ import annotations

from multiprot.testing import StructureEncoderSuite
from multiprot_residue_graph.options import GcnOptions, GearNetOptions, GinOptions
from multiprot_residue_graph.plugin import gcn_residue_graph, gearnet, gin_residue_graph


class TestGin(StructureEncoderSuite):
    plugin = gin_residue_graph

    def tiny_config(self) -> GinOptions:
        return GinOptions(width=16)


class TestGinOfSteps(StructureEncoderSuite):
    """Linear layers, Gaussians of degrees."""

    plugin = gin_residue_graph

    def tiny_config(self) -> GinOptions:
        return GinOptions(width=16, update="linear", dihedrals="steps", dropout=0.0)


class TestGinWithResidues(StructureEncoderSuite):
    plugin = gin_residue_graph

    def tiny_config(self) -> GinOptions:
        return GinOptions(width=16, layers=3, residues=True)


class TestGinOfDistances(StructureEncoderSuite):
    """Amino acids and distances: the mirror image looks the same."""

    plugin = gin_residue_graph

    def tiny_config(self) -> GinOptions:
        return GinOptions(width=16, residues=True, dihedrals="none")


class TestGinWithSequenceTokens(StructureEncoderSuite):
    plugin = gin_residue_graph

    def tiny_config(self) -> GinOptions:
        return GinOptions(width=16, sequence_tokens="joined")


class TestWholeEncoderOfSteps(StructureEncoderSuite):
    """Gradients reach the sequence tokens by the residual alone."""

    plugin = gin_residue_graph

    def tiny_config(self) -> GinOptions:
        return GinOptions(
            width=16,
            update="linear",
            dihedrals="steps",
            sequence_tokens="joined",
            sequence_gradient="residual",
            dropout=0.0,
        )


class TestGcn(StructureEncoderSuite):
    """Amino acids and contacts, as DeepFRI: the mirror image looks the same."""

    plugin = gcn_residue_graph

    def tiny_config(self) -> GcnOptions:
        return GcnOptions(width=16)


class TestGcnOfTheBackbone(StructureEncoderSuite):
    """It is not told any amino acid."""

    plugin = gcn_residue_graph

    def tiny_config(self) -> GcnOptions:
        return GcnOptions(width=16, residues=False, dihedrals="periodic", norm=False)


class TestGcnWithSequenceTokens(StructureEncoderSuite):
    plugin = gcn_residue_graph

    def tiny_config(self) -> GcnOptions:
        return GcnOptions(width=16, layers=2, sequence_tokens="joined")


class TestGearNet(StructureEncoderSuite):
    plugin = gearnet

    def tiny_config(self) -> GearNetOptions:
        return GearNetOptions(width=16, layers=2)


class TestGearNetEdge(StructureEncoderSuite):
    """With states of edges, of another width than the nodes', and a map to the token."""

    plugin = gearnet

    def tiny_config(self) -> GearNetOptions:
        return GearNetOptions(
            width=16, layers=2, edge_messages=True, edge_width=8, readout="last", token_dim=10
        )


class TestGearNetOfThePaper(StructureEncoderSuite):
    """Amino acids, distances and angles only: the mirror image looks the same."""

    plugin = gearnet

    def tiny_config(self) -> GearNetOptions:
        return GearNetOptions(
            width=16, layers=2, edge_messages=True, angle_borders="hard", dihedrals="none"
        )


class TestGearNetOfTheBackbone(StructureEncoderSuite):
    """It is not told any amino acid."""

    plugin = gearnet

    def tiny_config(self) -> GearNetOptions:
        return GearNetOptions(width=16, layers=2, edge_messages=True, residues=False)
