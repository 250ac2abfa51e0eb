"""What multiprot asks of every sequence encoder."""

from __future__ import annotations

from multiprot.testing import SequenceEncoderSuite
from multiprot_esm.options import Esm2Options
from multiprot_esm.plugin import esm2


class TestEsm2(SequenceEncoderSuite):
    plugin = esm2

    def tiny_config(self) -> Esm2Options:
        return Esm2Options(layers=2, width=32, heads=4, max_residues=64)


class TestFrozenEsm2(SequenceEncoderSuite):
    plugin = esm2

    def tiny_config(self) -> Esm2Options:
        return Esm2Options(layers=1, width=32, heads=4, max_residues=64, freeze="all")


class TestEsm2WithTokenDropout(SequenceEncoderSuite):
    plugin = esm2

    def tiny_config(self) -> Esm2Options:
        return Esm2Options(layers=1, width=32, heads=4, max_residues=64, token_dropout=True)
