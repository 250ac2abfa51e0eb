"""What multiprot asks of every sequence encoder."""

from __future__ import annotations

from multiprot.student import ShippedOptions
from multiprot.testing import SequenceEncoderSuite
from multiprot_mini.plugin import mini


class TestMini(SequenceEncoderSuite):
    """All of it learns."""

    plugin = mini


class TestMiniFrozen(SequenceEncoderSuite):
    """As recipes build on it."""

    plugin = mini

    def tiny_config(self) -> ShippedOptions:
        return ShippedOptions(freeze="all")


class TestMiniWithAdapters(SequenceEncoderSuite):
    """Adapters beside frozen weights."""

    plugin = mini

    def tiny_config(self) -> ShippedOptions:
        return ShippedOptions.model_validate({"lora": {"rank": 2}})
