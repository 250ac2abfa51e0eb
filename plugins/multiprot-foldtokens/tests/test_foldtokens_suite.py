"""What multiprot asks of every structure encoder."""

from __future__ import annotations

from multiprot.testing import StructureEncoderSuite
from multiprot_foldtokens.options import FoldTokenOptions
from multiprot_foldtokens.plugin import foldtokens


class TestFoldTokens(StructureEncoderSuite):
    """Foldseek's own states."""

    plugin = foldtokens

    def tiny_config(self) -> FoldTokenOptions:
        return FoldTokenOptions(token_dim=16)


class TestFoldTokensOfIdealCBeta(StructureEncoderSuite):
    """Every Cβ is built."""

    plugin = foldtokens

    def tiny_config(self) -> FoldTokenOptions:
        return FoldTokenOptions(token_dim=8, c_beta="ideal")
