"""What multiprot asks of every sequence encoder."""

from __future__ import annotations

from multiprot.encoders.lora import LoraOptions
from multiprot.testing import SequenceEncoderSuite
from multiprot_prottrans.options import ProtBertOptions, T5Options
from multiprot_prottrans.plugin import ankh, protbert, prott5


class TestProtT5(SequenceEncoderSuite):
    plugin = prott5

    def tiny_config(self) -> T5Options:
        return T5Options(layers=2, width=32, heads=4)


class TestProtT5WithPrefix(SequenceEncoderSuite):
    plugin = prott5

    def tiny_config(self) -> T5Options:
        return T5Options(layers=1, width=32, heads=4, max_residues=64, prefix="<AA2fold>")


class TestFrozenProtT5(SequenceEncoderSuite):
    plugin = prott5

    def tiny_config(self) -> T5Options:
        return T5Options(layers=1, width=32, heads=4, max_residues=64, freeze="all")


class TestLastLayerOfProtT5(SequenceEncoderSuite):
    plugin = prott5

    def tiny_config(self) -> T5Options:
        return T5Options(layers=2, width=32, heads=4, max_residues=64, freeze=1)


class TestProtT5WithLora(SequenceEncoderSuite):
    plugin = prott5

    def tiny_config(self) -> T5Options:
        return T5Options(layers=1, width=32, heads=4, max_residues=64, lora=LoraOptions(rank=2))


class TestProtBert(SequenceEncoderSuite):
    plugin = protbert

    def tiny_config(self) -> ProtBertOptions:
        return ProtBertOptions(layers=2, width=32, heads=4, max_residues=64)


class TestFrozenProtBert(SequenceEncoderSuite):
    plugin = protbert

    def tiny_config(self) -> ProtBertOptions:
        return ProtBertOptions(layers=1, width=32, heads=4, max_residues=64, freeze="all")


class TestProtBertWithLora(SequenceEncoderSuite):
    plugin = protbert

    def tiny_config(self) -> ProtBertOptions:
        lora = LoraOptions(rank=2)
        return ProtBertOptions(layers=1, width=32, heads=4, max_residues=64, lora=lora)


class TestAnkh(SequenceEncoderSuite):
    plugin = ankh

    def tiny_config(self) -> T5Options:
        return T5Options(layers=2, width=32, heads=4)


class TestFrozenAnkh(SequenceEncoderSuite):
    plugin = ankh

    def tiny_config(self) -> T5Options:
        return T5Options(layers=1, width=32, heads=4, max_residues=64, freeze="all")


class TestAnkhWithLora(SequenceEncoderSuite):
    plugin = ankh

    def tiny_config(self) -> T5Options:
        return T5Options(layers=1, width=32, heads=4, max_residues=64, lora=LoraOptions(rank=2))
