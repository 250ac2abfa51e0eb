"""What multiprot asks of every structure encoder."""

from __future__ import annotations

from multiprot.testing import StructureEncoderSuite
from multiprot_gvp.options import GvpOptions
from multiprot_gvp.plugin import gvp


class TestGvp(StructureEncoderSuite):
    plugin = gvp

    def tiny_config(self) -> GvpOptions:
        return GvpOptions(node_scalars=16, node_vectors=4, edge_scalars=8, layers=2, neighbours=8)


class TestGvpOfMassa(StructureEncoderSuite):
    """Gates by length, full hidden width, its own ends, another token width."""

    plugin = gvp

    def tiny_config(self) -> GvpOptions:
        return GvpOptions(
            node_scalars=12,
            node_vectors=4,
            message_vectors=9,
            gate=False,
            token_dim=20,
            neighbours=30,
            ends="massa",
        )


class TestGvpWithResidues(StructureEncoderSuite):
    """Nodes bear their amino acids."""

    plugin = gvp

    def tiny_config(self) -> GvpOptions:
        return GvpOptions(
            node_scalars=16, node_vectors=4, edge_scalars=8, neighbours=8, residues=True
        )
